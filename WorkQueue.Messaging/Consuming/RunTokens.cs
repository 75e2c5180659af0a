namespace WorkQueue.Messaging.Consuming;

/// <summary>Why a run, or the settling after it, may be cut short.</summary>
/// <param name="TakenBack">The broker took the delivery back.</param>
/// <param name="Drained">The worker stops, and the time its tasks had to finish is up.</param>
/// <param name="GivenUp">The worker stops, and the time to tell the broker is up too.</param>
internal readonly record struct RunTokens(CancellationToken TakenBack, CancellationToken Drained, CancellationToken GivenUp);
