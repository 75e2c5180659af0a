namespace WorkQueue.Tests.Faults;

/// <summary>One after the other and beside nothing else: they share a broker they kill, and they measure times.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultSuite : ICollectionFixture<FaultBroker>, ICollectionFixture<FaultReport>
{
    public const string Name = "faults";

    /// <summary>The long forms, of more tasks and more kills, are asked for: <c>./test.sh --faults</c> does.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("WORKQUEUE_FAULT_TASKS") is not null;
}

/// <summary>One after the other on a broker of their own, and beside the tests of other collections: what they wait for may take its time.</summary>
[CollectionDefinition(Name)]
public sealed class SideFaults : ICollectionFixture<FaultBroker>, ICollectionFixture<FaultReport>
{
    public const string Name = "faults beside other tests";
}
