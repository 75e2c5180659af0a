using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;

namespace WorkQueue.Testing;

/// <summary>What a handler run by <see cref="TaskTest"/> sees of its task.</summary>
public sealed record TaskTestSettings
{
    /// <summary>The task's type. Default: that of the payload's <see cref="TaskTypeAttribute"/>, or <c>test</c> where it has none.</summary>
    public string? Type { get; init; }

    /// <summary>The task's id. Default: a new one.</summary>
    public string? Id { get; init; }

    /// <summary>Which attempt it is, from 1, the default. After the last one that the retry delays allow a failure is a dead letter.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>What the tasks before it in its chain returned, which it sees as <see cref="TaskContext.Previous"/>; written as JSON. Default: none.</summary>
    public IReadOnlyList<object?> Previous { get; init; } = [];

    /// <summary>Which member of which batch it is, which it sees as <see cref="TaskContext.Batch"/>. Default: of none.</summary>
    public BatchMember? Batch { get; init; }

    /// <summary>Changes the settings of the queue: retry delays, limits. Default: those of the library, without jitter.</summary>
    public Action<WorkQueueOptions>? Options { get; init; }

    /// <summary>Adds services, for how JSON is written: <c>services => services.Configure&lt;TaskJsonOptions&gt;(…)</c>. Default: none.</summary>
    public Action<IServiceCollection>? Services { get; init; }

    /// <summary>How long the handler may take, in real time. Default 30 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}
