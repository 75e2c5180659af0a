using k8s;
using k8s.Models;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Deploy;

/// <summary>The files of <c>deploy/kubernetes</c>, read strictly: a key that its kind does not have is an error.</summary>
internal sealed class KubernetesFiles
{
    private static readonly Dictionary<string, Type> Kinds = new(StringComparer.Ordinal)
    {
        ["rabbitmq.com/v1beta1/RabbitmqCluster"] = typeof(RabbitmqCluster),
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject),
        ["keda.sh/v1alpha1/TriggerAuthentication"] = typeof(TriggerAuthentication),
    };

    private readonly object[] _resources;

    public KubernetesFiles()
    {
        Kustomization = KubernetesYaml.Deserialize<Kustomization>(Text("kustomization.yaml"), strict: true);
        _resources = [.. Kustomization.Resources.SelectMany(file => KubernetesYaml.LoadAllFromString(Text(file), Kinds, strict: true))];
    }

    public static string Folder { get; } = Path.Combine(TestEnvironment.Solution, "deploy", "kubernetes");

    public Kustomization Kustomization { get; }

    public IEnumerable<T> All<T>() => _resources.OfType<T>();

    public T One<T>(string name)
        where T : IMetadata<V1ObjectMeta> => All<T>().Single(resource => resource.Metadata.Name == name);

    /// <summary>What a file of variables has.</summary>
    public static IReadOnlyDictionary<string, string> Variables(string file) => File.ReadLines(file).Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    /// <summary>The plain variables of a deployment's container, with those of the section that all have.</summary>
    public IReadOnlyDictionary<string, string> VariablesOf(string deployment) => ContainerOf(deployment).Env.Where(variable => variable.Value is not null)
        .Select(variable => KeyValuePair.Create(variable.Name, variable.Value)).Concat(Variables(Path.Combine(Folder, "workqueue.env"))).ToDictionary(StringComparer.Ordinal);

    public V1PodSpec PodOf(string deployment) => One<V1Deployment>(deployment).Spec.Template.Spec;

    public V1Container ContainerOf(string deployment) => PodOf(deployment).Containers.Single();

    private static string Text(string file) => File.ReadAllText(Path.Combine(Folder, file));
}
