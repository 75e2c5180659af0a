using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>What the parts of one context's outbox share.</summary>
internal sealed class Outbox<TContext>(string name, IOptionsMonitor<TaskOutboxOptions> options, TimeProvider clock)
    where TContext : DbContext
{
    /// <summary>What it is called in logs, metrics and health.</summary>
    public string Name => name;

    /// <summary>What its settings are called.</summary>
    public static string OptionsName => typeof(TContext).FullName!;

    public TaskOutboxOptions Options => options.Get(OptionsName);

    public OutboxSignal Signal { get; } = new();

    public RelayState Relay { get; } = new(clock);
}
