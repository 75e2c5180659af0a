using WorkQueue.Board.Api;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The queues, each with how full it has been; which policies work against what they share; and how many messages that cannot be read were set aside.</summary>
internal sealed record QueuesModel(IReadOnlyList<(QueueView Queue, IReadOnlyList<long> Ready)> Queues, IReadOnlyList<string> Warnings, long Unreadable);

/// <summary>The workers that are alive.</summary>
internal sealed record WorkersModel(IReadOnlyList<WorkerInfo> Workers);
