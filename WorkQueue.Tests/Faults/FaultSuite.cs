namespace WorkQueue.Tests.Faults;

/// <summary>One after the other and beside nothing else: they share a broker they kill, and they measure times.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultSuite : ICollectionFixture<FaultBroker>, ICollectionFixture<FaultReport>
{
    public const string Name = "faults";
}
