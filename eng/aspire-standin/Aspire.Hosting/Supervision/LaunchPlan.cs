using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Supervision;

/// <summary>What to run, with the complete environment.</summary>
internal sealed record CommandLine(string Command, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>Works out command, arguments and environment of one instance, right before it starts.</summary>
internal static class LaunchPlan
{
    // Batches are short while developing, so that telemetry shows at once.
    private static readonly (string Name, string Value)[] DevelopmentTelemetry =
    [
        ("OTEL_BSP_SCHEDULE_DELAY", "1000"), ("OTEL_BLRP_SCHEDULE_DELAY", "1000"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based")
    ];

    // What steers the AppHost itself, and would steer its children wrongly.
    private static readonly string[] AppHostOnly =
    [
        "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE", "URLS", "HTTP_PORTS", "HTTPS_PORTS",
        "ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS", "ASPNETCORE_PREVENTHOSTINGSTARTUP", "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES"
    ];

    private static readonly string[] AppHostOnlyPrefixes = ["ASPIRE_", "OTEL_"];

    /// <summary>The AppHost's own environment, for a command that is a part of it.</summary>
    public static Dictionary<string, string> OwnEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? "");

    /// <summary>What every process starts with.</summary>
    public static Dictionary<string, string> InheritedEnvironment() =>
        OwnEnvironment()
            .Where(variable => !AppHostOnly.Contains(variable.Key, StringComparer.OrdinalIgnoreCase)
                && !AppHostOnlyPrefixes.Any(prefix => variable.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            .ToDictionary();

    public static CommandLine ForProject(IDistributedApplicationBuilder app, ProjectResource resource, string[] arguments, Dictionary<string, string> environment)
    {
        string project = resource.Last<IProjectMetadata>()!.ProjectPath;
        string? target = AppHostMetadata.TargetOf(app.AppHostAssembly, project);
        return File.Exists(target)
            ? new(DotNet(), [target, .. arguments], Path.GetDirectoryName(project)!, WithInherited(environment))
            : throw new DistributedApplicationException($"Project '{resource.Name}' is not built: {target ?? project} does not exist.");
    }

    public static CommandLine ForExecutable(ExecutableResource resource, string[] arguments, Dictionary<string, string> environment) =>
        new(resource.Command, arguments, resource.WorkingDirectory, WithInherited(environment));

    public static async Task<string[]> ArgumentsAsync(IResource resource, CancellationToken cancellationToken)
    {
        List<string> arguments = [];
        foreach (object argument in resource.Annotations.OfType<ArgumentsAnnotation>().SelectMany(annotation => annotation.Arguments))
        {
            if (await ResolveAsync(argument, cancellationToken).ConfigureAwait(false) is { } text)
                arguments.Add(text);
        }

        return [.. arguments];
    }

    public static async Task<Dictionary<string, string>> EnvironmentAsync(IDistributedApplicationBuilder app, IResource resource, string suffix, Dashboard? dashboard, CancellationToken cancellationToken)
    {
        EnvironmentCallbackContext context = new(resource);
        if (resource is ProjectResource)
            AddProjectDefaults(context.EnvironmentVariables, app, resource, suffix, dashboard);

        foreach (EnvironmentCallbackAnnotation annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(context).ConfigureAwait(false);

        Dictionary<string, string> environment = [];
        foreach ((string name, object value) in context.EnvironmentVariables)
        {
            if (await ResolveAsync(value, cancellationToken).ConfigureAwait(false) is { } text)
                environment[name] = text;
        }

        return environment;
    }

    private static void AddProjectDefaults(Dictionary<string, object> variables, IDistributedApplicationBuilder app, IResource resource, string suffix, Dashboard? dashboard)
    {
        variables["OTEL_SERVICE_NAME"] = resource.Name;
        variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={suffix}";
        variables["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"] = "in_memory";
        if (dashboard is not null)
        {
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = dashboard.OtlpEndpoint;
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
            if (dashboard.OtlpHeaders is { } headers)
                variables["OTEL_EXPORTER_OTLP_HEADERS"] = headers;
        }

        if (app.Environment.IsDevelopment())
        {
            foreach ((string name, string value) in DevelopmentTelemetry)
                variables[name] = value;
        }

        string[] urls = [.. resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.IsHttp).Select(endpoint => endpoint.Url)];
        if (urls.Length > 0)
            variables["ASPNETCORE_URLS"] = string.Join(';', urls);
    }

    private static async ValueTask<string?> ResolveAsync(object value, CancellationToken cancellationToken) => value is IValueProvider provider
        ? await provider.GetValueAsync(cancellationToken).ConfigureAwait(false)
        : Convert.ToString(value, CultureInfo.InvariantCulture);

    private static Dictionary<string, string> WithInherited(Dictionary<string, string> environment)
    {
        Dictionary<string, string> all = InheritedEnvironment();
        foreach ((string name, string value) in environment)
            all[name] = value;

        return all;
    }

    /// <summary>The host that runs this process, which under a test or an apphost is not the process's own file.</summary>
    private static string DotNet()
    {
        string beside = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(beside) ? beside : "dotnet";
    }
}
