using System.Collections;
using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>Works out command, arguments and environment of one instance, right before it starts.</summary>
internal sealed class LaunchPlan(IServiceProvider services, SupervisorOptions options, ILogger logger)
{
    // Batches are short while developing, so that telemetry shows at once.
    private static readonly (string Name, string Value)[] DevelopmentTelemetry =
    [
        ("OTEL_BSP_SCHEDULE_DELAY", "1000"), ("OTEL_BLRP_SCHEDULE_DELAY", "1000"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based")
    ];

    public static Dictionary<string, string> Inherit(Func<string, bool> wanted) =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => wanted((string)variable.Key))
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? "");

    public async Task<CommandLine> CreateAsync(IResource resource, string suffix, Dashboard? dashboard, Func<CancellationToken, Task<ContainerEngine>> engine, CancellationToken cancellationToken)
    {
        Dictionary<string, string> environment = await EnvironmentAsync(resource, suffix, dashboard, cancellationToken).ConfigureAwait(false);
        string[] arguments = await ArgumentsAsync(resource, cancellationToken).ConfigureAwait(false);
        switch (resource)
        {
            case ContainerResource container:
                return (await engine(cancellationToken).ConfigureAwait(false)).RunCommand(container, $"{resource.Name}-{suffix}", arguments, environment);

            case ProjectResource:
                string project = resource.Annotations.OfType<IProjectMetadata>().Last().ProjectPath;
                string target = AppHostMetadata.TargetOf(options.AppHostAssembly, project);
                return File.Exists(target)
                    ? new(DotNet(), [target, .. arguments], Path.GetDirectoryName(project)!, WithInherited(environment))
                    : throw new DistributedApplicationException($"Project '{resource.Name}' is not built: {target} does not exist.");

            case ExecutableResource executable:
                return new(executable.Command, arguments, executable.WorkingDirectory, WithInherited(environment));

            default:
                throw new InvalidOperationException($"Resource '{resource.Name}' is nothing that can run.");
        }
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(IResource resource, string suffix, Dashboard? dashboard, CancellationToken cancellationToken)
    {
        EnvironmentCallbackContext context = new(services.GetRequiredService<DistributedApplicationExecutionContext>(), resource, [], cancellationToken) { Logger = logger };
        if (resource is ProjectResource)
            AddProjectDefaults(context.EnvironmentVariables, resource, suffix, dashboard);

        foreach (EnvironmentCallbackAnnotation annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>().ToArray())
            await annotation.Callback(context).ConfigureAwait(false);

        Dictionary<string, string> resolved = [];
        foreach ((string name, object value) in context.EnvironmentVariables)
        {
            if (await ResolveAsync(value, cancellationToken).ConfigureAwait(false) is { } text)
                resolved[name] = text;
        }

        return resolved;
    }

    private void AddProjectDefaults(Dictionary<string, object> variables, IResource resource, string suffix, Dashboard? dashboard)
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

        if (services.GetRequiredService<IHostEnvironment>().IsDevelopment())
        {
            foreach ((string name, string value) in DevelopmentTelemetry)
                variables[name] = value;
        }

        string[] urls = [.. resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.UriScheme is "http" or "https").Select(endpoint => endpoint.AllocatedEndpoint!.UriString)];
        if (urls.Length > 0)
            variables["ASPNETCORE_URLS"] = string.Join(';', urls);
    }

    private async Task<string[]> ArgumentsAsync(IResource resource, CancellationToken cancellationToken)
    {
        List<object> arguments = [];
        CommandLineArgsCallbackContext context = new(arguments, resource, cancellationToken)
        {
            ExecutionContext = services.GetRequiredService<DistributedApplicationExecutionContext>(),
            Logger = logger
        };
        foreach (CommandLineArgsCallbackAnnotation annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>().ToArray())
            await annotation.Callback(context).ConfigureAwait(false);

        List<string> resolved = [];
        foreach (object argument in arguments)
        {
            if (await ResolveAsync(argument, cancellationToken).ConfigureAwait(false) is { } text)
                resolved.Add(text);
        }

        return [.. resolved];
    }

    private static async ValueTask<string?> ResolveAsync(object value, CancellationToken cancellationToken) => value switch
    {
        string text => text,
        IValueProvider provider => await provider.GetValueAsync(cancellationToken).ConfigureAwait(false),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)
    };

    private static Dictionary<string, string> WithInherited(Dictionary<string, string> environment)
    {
        Dictionary<string, string> all = Inherit(EnvironmentNames.Inherited);
        foreach ((string name, string value) in environment)
            all[name] = value;

        return all;
    }

    /// <summary>The host that runs this process, which under a test or an apphost is not the process's own file.</summary>
    private static string DotNet()
    {
        string beside = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(beside) ? beside : "dotnet";
    }
}
