using System.Globalization;
using k8s.Models;
using Microsoft.AspNetCore.WebUtilities;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Deploy;

/// <summary>The files of <c>deploy/kubernetes</c> say what Kubernetes and our programs understand, and fit together.</summary>
public sealed class KubernetesTests
{
    private static readonly string[] Programs = ["producer", "worker"];

    private readonly KubernetesFiles _files = new();

    [Fact]
    public void Every_file_is_listed_and_each_is_what_it_says_it_is()
    {
        string[] others = ["kustomization.yaml"];
        Assert.Equal(Directory.GetFiles(KubernetesFiles.Folder, "*.yaml").Select(Path.GetFileName).Except(others).Order(), _files.Kustomization.Resources.Order());
        Assert.All(_files.Kustomization.ConfigMapGenerator.SelectMany(generator => generator.Envs), file => Assert.True(File.Exists(Path.Combine(KubernetesFiles.Folder, file)), file));
        Assert.Equal(Programs.Select(program => _files.ContainerOf(program).Image), _files.Kustomization.Images.Select(image => image.Name));
        Assert.Equal(_files.One<V1Namespace>("workqueue").Metadata.Name, _files.Kustomization.Namespace);
    }

    [Fact]
    public void Producer_and_workers_start_with_the_settings_they_are_given()
    {
        IReadOnlyDictionary<string, string> keys = KubernetesFiles.Variables(Path.Combine(KubernetesFiles.Folder, "api-keys.env.example"));
        Dictionary<string, string> producer = new(_files.VariablesOf("producer"), StringComparer.Ordinal);
        foreach ((string key, string value) in keys)
        {
            producer[key] = value.Length > 0 ? value : new string('x', 32);
        }

        ProgramSettings.AssertProducer(producer);
        ProgramSettings.AssertWorker(_files.VariablesOf("worker"));
    }

    [Fact]
    public void A_worker_has_the_time_to_drain_and_five_seconds_to_give_back_what_is_left()
    {
        WorkQueueOptions options = ProgramSettings.AssertWorker(_files.VariablesOf("worker"));
        Assert.True(_files.PodOf("worker").TerminationGracePeriodSeconds >= options.Worker.DrainTimeout.TotalSeconds + 5);
    }

    [Fact]
    public void No_program_is_root_or_may_become_it_or_writes_to_its_image()
    {
        foreach (string program in Programs)
        {
            V1PodSpec pod = _files.PodOf(program);
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
            V1SecurityContext container = _files.ContainerOf(program).SecurityContext;
            Assert.False(container.AllowPrivilegeEscalation);
            Assert.True(container.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.Capabilities.Drop);
            // What is written to is a volume: temporary files, and what the settings name.
            string[] writable = [.. _files.ContainerOf(program).VolumeMounts.Where(mount => mount.ReadOnlyProperty != true).Select(mount => mount.MountPath)];
            Assert.Contains("/tmp", writable);
            string[] written = program == "worker" ? ["WorkQueue__Output"] : ["WorkQueue__Board__Store"];
            Assert.All(written, setting => Assert.Contains(writable, path => _files.VariablesOf(program)[setting].StartsWith(path, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Every_selector_finds_the_pods_it_is_meant_for()
    {
        string[] names = [.. Programs, _files.All<RabbitmqCluster>().Single().Metadata.Name];
        foreach (string program in Programs)
        {
            V1Deployment deployment = _files.One<V1Deployment>(program);
            Assert.Equal(deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Metadata.Labels);
            Assert.All(_files.PodOf(program).TopologySpreadConstraints, spread => Assert.Equal(deployment.Spec.Selector.MatchLabels, spread.LabelSelector.MatchLabels));
        }

        Assert.Equal(_files.One<V1Deployment>("producer").Spec.Selector.MatchLabels, _files.One<V1Service>("producer").Spec.Selector);
        Assert.Equal(names.Order(), _files.All<V1PodDisruptionBudget>().Select(budget => budget.Spec.Selector.MatchLabels.Single().Value).Order());
        IEnumerable<V1LabelSelector> pods = _files.All<V1NetworkPolicy>().SelectMany(policy =>
            policy.Spec.Ingress.OrEmpty().SelectMany(rule => rule.FromProperty.OrEmpty()).Concat(policy.Spec.Egress.OrEmpty().SelectMany(rule => rule.To.OrEmpty())).Select(peer => peer.PodSelector).Append(policy.Spec.PodSelector)).OfType<V1LabelSelector>();
        Assert.All(pods.Where(selector => selector.MatchLabels is not null), selector => Assert.Contains(selector.MatchLabels.Single().Value, names));
        Assert.All(names, name => Assert.Contains(_files.All<V1NetworkPolicy>(), policy => policy.Spec.PodSelector.MatchLabels?.Single().Value == name));
    }

    [Fact]
    public void Every_secret_setting_and_volume_that_is_named_is_there()
    {
        IReadOnlyDictionary<string, string> keys = KubernetesFiles.Variables(Path.Combine(KubernetesFiles.Folder, "api-keys.env.example"));
        // By the operator: the user that it makes.
        string brokerUser = $"{_files.All<RabbitmqCluster>().Single().Metadata.Name}-default-user";
        foreach (string program in Programs)
        {
            V1PodSpec pod = _files.PodOf(program);
            V1Container container = _files.ContainerOf(program);
            Assert.Equal(pod.Volumes.Select(volume => volume.Name).Order(), container.VolumeMounts.Select(mount => mount.Name).Order());
            Assert.All(pod.Volumes.Where(volume => volume.PersistentVolumeClaim is not null), volume => Assert.NotNull(_files.One<V1PersistentVolumeClaim>(volume.PersistentVolumeClaim.ClaimName)));
            Assert.All(pod.Volumes.Where(volume => volume.Secret is not null), volume => Assert.Equal(_files.Kustomization.SecretGenerator.Single().Name, volume.Secret.SecretName));
            Assert.All(container.EnvFrom, source => Assert.Equal(_files.Kustomization.ConfigMapGenerator.Single().Name, source.ConfigMapRef.Name));
            V1EnvVar secret = container.Env.Single(variable => variable.ValueFrom is not null);
            Assert.Equal(("ConnectionStrings__rabbitmq", brokerUser, "connection_string"), (secret.Name, secret.ValueFrom.SecretKeyRef.Name, secret.ValueFrom.SecretKeyRef.Key));
        }

        TriggerAuthentication.Secret shown = _files.All<TriggerAuthentication>().Single().Spec.SecretTargetRef.Single();
        Assert.Equal(_files.Kustomization.SecretGenerator.Single().Name, shown.Name);
        Assert.Contains(shown.Key, keys.Keys);
        Assert.Equal("read", keys[shown.Key.Replace("__Key", "__Scope", StringComparison.Ordinal)]);
    }

    [Fact]
    public void Whoever_asks_the_producer_says_a_name_that_it_answers_to()
    {
        string[] answered = _files.VariablesOf("producer")["AllowedHosts"].Split(';');
        V1Container producer = _files.ContainerOf("producer");
        Assert.All((V1Probe[])[producer.StartupProbe, producer.ReadinessProbe, producer.LivenessProbe], probe =>
        {
            Assert.Contains(probe.HttpGet.HttpHeaders.Single(header => header.Name == "Host").Value, answered);
            Assert.Equal(producer.Ports.Single().Name, probe.HttpGet.Port.Value);
            Assert.Contains(probe.HttpGet.Path, (string[])["/health", "/alive"]);
        });
        Assert.Contains(ScalingCall().Host, answered);
        Assert.Equal(producer.Ports.Single().ContainerPort.ToString(CultureInfo.InvariantCulture), _files.VariablesOf("producer")["ASPNETCORE_HTTP_PORTS"]);
    }

    [Fact]
    public void KEDA_asks_the_service_for_a_queue_of_the_workers_and_for_as_many_as_it_may_start()
    {
        ScaledObject scaled = _files.All<ScaledObject>().Single();
        Assert.Equal(_files.One<V1Deployment>("worker").Metadata.Name, scaled.Spec.ScaleTargetRef.Name);
        Assert.Null(_files.One<V1Deployment>("worker").Spec.Replicas);
        Uri call = ScalingCall();
        V1Service service = _files.One<V1Service>("producer");
        Assert.Equal(("/scaling", $"{service.Metadata.Name}.{_files.Kustomization.Namespace}.svc.cluster.local", service.Spec.Ports.Single().Port), (call.AbsolutePath, call.Host, call.Port));
        var query = QueryHelpers.ParseQuery(call.Query);
        Assert.Equal(scaled.Spec.MaxReplicaCount.ToString(CultureInfo.InvariantCulture), query["max"]);
        Assert.Contains((string)query["queue"]!, ProgramSettings.AssertWorker(_files.VariablesOf("worker")).Worker.QueueNames);
        Assert.Equal(_files.All<TriggerAuthentication>().Single().Metadata.Name, scaled.Spec.Triggers.Single().AuthenticationRef.Name);
    }

    private Uri ScalingCall() => new(_files.All<ScaledObject>().Single().Spec.Triggers.Single().Metadata["url"]);
}

internal static class Absent
{
    /// <summary>What is not in a file is none.</summary>
    public static IEnumerable<T> OrEmpty<T>(this IEnumerable<T>? some) => some ?? [];
}
