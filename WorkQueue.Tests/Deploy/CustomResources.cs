using k8s;
using k8s.Models;

namespace WorkQueue.Tests.Deploy;

// What the files use of the resources of others: another key in a file is an error when it is read.

internal abstract class CustomResource<TSpec> : IKubernetesObject<V1ObjectMeta>
{
    public required string ApiVersion { get; set; }

    public required string Kind { get; set; }

    public required V1ObjectMeta Metadata { get; set; }

    public required TSpec Spec { get; set; }
}

/// <summary>A cluster of brokers, by the RabbitMQ Cluster Operator: <c>rabbitmq.com/v1beta1</c>.</summary>
internal sealed class RabbitmqCluster : CustomResource<RabbitmqCluster.Specification>
{
    internal sealed class Specification
    {
        public int Replicas { get; set; }

        public required string Image { get; set; }

        public long TerminationGracePeriodSeconds { get; set; }

        public required V1ResourceRequirements Resources { get; set; }

        public required Disk Persistence { get; set; }

        public required Settings Rabbitmq { get; set; }

        public required V1Affinity Affinity { get; set; }
    }

    internal sealed class Disk
    {
        public required string Storage { get; set; }
    }

    internal sealed class Settings
    {
        public required IList<string> AdditionalPlugins { get; set; }

        public required string AdditionalConfig { get; set; }
    }
}

/// <summary>How KEDA scales a deployment: <c>keda.sh/v1alpha1</c>.</summary>
internal sealed class ScaledObject : CustomResource<ScaledObject.Specification>
{
    internal sealed class Specification
    {
        public required Target ScaleTargetRef { get; set; }

        public int MinReplicaCount { get; set; }

        public int MaxReplicaCount { get; set; }

        public int PollingInterval { get; set; }

        public required More Advanced { get; set; }

        public required Other Fallback { get; set; }

        public required IList<Trigger> Triggers { get; set; }
    }

    internal sealed class Target
    {
        public required string Name { get; set; }
    }

    internal sealed class More
    {
        public required Autoscaler HorizontalPodAutoscalerConfig { get; set; }
    }

    internal sealed class Autoscaler
    {
        public required V2HorizontalPodAutoscalerBehavior Behavior { get; set; }
    }

    internal sealed class Other
    {
        public int FailureThreshold { get; set; }

        public int Replicas { get; set; }
    }

    internal sealed class Trigger
    {
        public required string Type { get; set; }

        public required string MetricType { get; set; }

        public required IDictionary<string, string> Metadata { get; set; }

        public required Target AuthenticationRef { get; set; }
    }
}

/// <summary>What KEDA shows when it asks: <c>keda.sh/v1alpha1</c>.</summary>
internal sealed class TriggerAuthentication : CustomResource<TriggerAuthentication.Specification>
{
    internal sealed class Specification
    {
        public required IList<Secret> SecretTargetRef { get; set; }
    }

    internal sealed class Secret
    {
        public required string Parameter { get; set; }

        public required string Name { get; set; }

        public required string Key { get; set; }
    }
}

/// <summary>The list of the files: <c>kustomize.config.k8s.io/v1beta1</c>.</summary>
internal sealed class Kustomization : IKubernetesObject
{
    public required string ApiVersion { get; set; }

    public required string Kind { get; set; }

    public required string Namespace { get; set; }

    public required IList<string> Resources { get; set; }

    public required IList<Image> Images { get; set; }

    public required IList<Generator> ConfigMapGenerator { get; set; }

    public required IList<Generator> SecretGenerator { get; set; }

    internal sealed class Image
    {
        public required string Name { get; set; }

        public required string NewName { get; set; }

        public required string NewTag { get; set; }
    }

    internal sealed class Generator
    {
        public required string Name { get; set; }

        public required IList<string> Envs { get; set; }

        public Naming? Options { get; set; }
    }

    internal sealed class Naming
    {
        public bool DisableNameSuffixHash { get; set; }
    }
}
