using System.Globalization;
using System.Text.RegularExpressions;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace WorkQueue.Tests.Deploy;

/// <summary><c>deploy/compose.yaml</c> gives the programs what they understand; <c>deploy/check.sh</c> runs it.</summary>
public sealed partial class ComposeFileTests
{
    private static readonly string Folder = Path.Combine(TestEnvironment.Solution, "deploy");

    private readonly ComposeFile _file = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).IgnoreUnmatchedProperties().Build()
        .Deserialize<ComposeFile>(new MergingParser(new Parser(new StringReader(File.ReadAllText(Path.Combine(Folder, "compose.yaml"))))));

    [Fact]
    public void Producer_and_workers_start_with_the_settings_they_are_given()
    {
        ProgramSettings.AssertProducer(VariablesOf("producer"));
        ProgramSettings.AssertWorker(VariablesOf("worker"));
    }

    [Fact]
    public void A_worker_has_the_time_to_drain_and_five_seconds_to_give_back_what_is_left()
    {
        WorkQueueOptions options = ProgramSettings.AssertWorker(VariablesOf("worker"));
        int seconds = int.Parse(_file.Services["worker"].StopGracePeriod!.TrimEnd('s'), CultureInfo.InvariantCulture);
        Assert.True(seconds >= options.Worker.DrainTimeout.TotalSeconds + 5);
    }

    [Fact]
    public void Every_secret_is_named_in_the_example_and_has_no_default()
    {
        string[] asked = [.. Variable().Matches(File.ReadAllText(Path.Combine(Folder, "compose.yaml"))).Where(variable => variable.Groups["rule"].Value == ":?").Select(variable => variable.Groups["name"].Value).Distinct()];
        IReadOnlyDictionary<string, string> example = KubernetesFiles.Variables(Path.Combine(Folder, ".env.example"));
        Assert.Equal(["RABBITMQ_COOKIE", "RABBITMQ_PASSWORD", "WORKQUEUE_API_KEY"], asked.Order());
        Assert.All(asked, name => Assert.Equal("", example[name]));
    }

    [Fact]
    public void Every_variable_is_in_the_example()
    {
        string example = File.ReadAllText(Path.Combine(Folder, ".env.example"));
        Assert.All(Variable().Matches(File.ReadAllText(Path.Combine(Folder, "compose.yaml"))), variable => Assert.Contains($"{variable.Groups["name"].Value}=", example, StringComparison.Ordinal));
    }

    [Fact]
    public void Both_know_all_brokers()
    {
        string[] brokers = [.. _file.Services.Keys.Where(name => name.StartsWith("rabbitmq", StringComparison.Ordinal))];
        Assert.All((string[])["producer", "worker"], program => Assert.EndsWith($"@{string.Join(',', brokers)}", VariablesOf(program)["ConnectionStrings__rabbitmq"], StringComparison.Ordinal));
        string conf = File.ReadAllText(Path.Combine(Folder, "rabbitmq", "cluster.conf"));
        Assert.All(brokers, broker => Assert.Contains($" = rabbit@{broker}\n", conf, StringComparison.Ordinal));
    }

    private Dictionary<string, string> VariablesOf(string service) => _file.Services[service].Environment!
        .Select(variable => KeyValuePair.Create(variable.Key, Variable().Replace(variable.Value, match => match.Groups["rule"].Value == ":?" ? new string('x', 32) : match.Groups["value"].Value)))
        .Concat(KubernetesFiles.Variables(Path.Combine(Folder, _file.Services[service].EnvFile!))).ToDictionary(StringComparer.Ordinal);

    [GeneratedRegex(@"\$\{(?<name>[A-Z_]+)(?<rule>:[-?])(?<value>[^}]*)\}")]
    private static partial Regex Variable();

    private sealed class ComposeFile
    {
        public Dictionary<string, Service> Services { get; set; } = [];
    }

    private sealed class Service
    {
        public Dictionary<string, string>? Environment { get; set; }

        public string? EnvFile { get; set; }

        public string? StopGracePeriod { get; set; }
    }
}
