using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of one limit on the broker. What these calls throw leaves their outcome unknown.</summary>
internal interface IPermitQueues
{
    /// <summary>Has a connection hold a permit that it does not hold.</summary>
    /// <returns>False where another connection has it.</returns>
    Task<bool> TryHoldAsync(OpenConnection open, int number, CancellationToken stopping);

    /// <summary>Has a connection go on holding a permit.</summary>
    /// <returns>False where another connection has it by now.</returns>
    Task<bool> TryKeepAsync(OpenConnection open, int number, CancellationToken stopping);

    /// <summary>Lets others have a permit.</summary>
    Task ReleaseAsync(OpenConnection open, int number, CancellationToken stopping);
}
