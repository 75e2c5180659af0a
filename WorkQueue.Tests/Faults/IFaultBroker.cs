namespace WorkQueue.Tests.Faults;

/// <summary>What fault tests break: one broker, or a cluster of them.</summary>
internal interface IFaultBroker
{
    /// <summary>The address of a broker that runs.</summary>
    string ConnectionString { get; }

    /// <summary>Has all of it running, whatever an earlier test left behind.</summary>
    Task EnsureRunningAsync();
}
