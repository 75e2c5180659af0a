using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary><see cref="FaultFactAttribute"/> on a cluster, of the installed rabbitmq-server or of an image.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute() => Skip = TestEnvironment.ExternalBroker is null
        ? new FaultFactAttribute().Skip
        : "Runs a cluster of its own: of the installed rabbitmq-server, or of the image of WORKQUEUE_TEST_BROKER=docker:<image>.";
}
