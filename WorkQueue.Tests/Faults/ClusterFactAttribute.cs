using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary><see cref="FaultFactAttribute"/> on a cluster, which is always of the installed rabbitmq-server.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute() => Skip = TestEnvironment.ExternalBroker is null
        ? new FaultFactAttribute().Skip
        : "Runs a cluster of the installed rabbitmq-server, whatever broker WORKQUEUE_TEST_BROKER names.";
}
