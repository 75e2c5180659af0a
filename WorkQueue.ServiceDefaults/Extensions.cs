using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace WorkQueue.ServiceDefaults;

/// <summary>What every service of the solution has: telemetry, health checks, and the endpoints that show health.</summary>
public static class Extensions
{
    private const string HealthPath = "/health";
    private const string AlivePath = "/alive";
    private const string LiveTag = "live";

    // The name of the queue's own source and meter.
    private const string Telemetry = "WorkQueue";

    /// <summary>
    /// Adds OpenTelemetry logs, metrics and traces, the health check "self", and the default type of tasks. They are exported by OTLP if
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, and otherwise only collected. Where the setting <c>SettingsFolder</c> names a folder, each of its files is a
    /// setting by its name (<c>WorkQueue__ApiKeys__admin</c>), read again when it changes: a mounted secret.
    /// </summary>
    /// <param name="builder">The builder of the service.</param>
    /// <returns>The same builder.</returns>
    public static IHostApplicationBuilder AddServiceDefaults(this IHostApplicationBuilder builder)
    {
        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        IOpenTelemetryBuilder telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics
                .AddMeter(Telemetry)
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation())
            .WithTracing(tracing => tracing
                .AddSource(Telemetry)
                .AddAspNetCoreInstrumentation(requests => requests.Filter = context => !IsProbe(context.Request))
                .AddHttpClientInstrumentation());
        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            telemetry.UseOtlpExporter();

        // What the tutorials' programs send names no type. Before all other settings, and not in a file: which one is read depends on the current folder.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [KeyValuePair.Create("WorkQueue:Queues:default:DefaultType", (string?)"simulate")] });
        if (builder.Configuration["SettingsFolder"] is { Length: > 0 } folder)
            builder.Configuration.AddKeyPerFile(source => (source.FileProvider, source.ReloadOnChange) = (LookedAt(folder), true));

        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [LiveTag]);
        return builder;
    }

    /// <summary>
    /// Maps <c>/health</c>, all checks (ready for traffic), and <c>/alive</c>, the checks tagged "live" (a restart would not help the
    /// others). Both answer without authentication, 200 or 503, and stay out of the request metrics.
    /// </summary>
    /// <param name="app">The service.</param>
    /// <returns>The same service.</returns>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(HealthPath, new HealthCheckOptions { ResponseWriter = WriteAsync }).AllowAnonymous().DisableHttpMetrics();
        app.MapHealthChecks(AlivePath, new HealthCheckOptions { ResponseWriter = WriteAsync, Predicate = check => check.Tags.Contains(LiveTag) })
            .AllowAnonymous().DisableHttpMetrics();
        return app;
    }

    // A mounted secret is a link to a folder, which alone changes: to be seen by looking (every four seconds), not by waiting to be told.
    private static PhysicalFileProvider LookedAt(string folder) => new(Path.GetFullPath(folder)) { UsePollingFileWatcher = true, UseActivePolling = true };

    // Asked every few seconds, these would bury the tasks: health, and what its caller looks up and says is not to be recorded, in the flags of W3C's traceparent.
    private static bool IsProbe(HttpRequest request) =>
        request.Path.StartsWithSegments(HealthPath) || request.Path.StartsWithSegments(AlivePath) || (HttpMethods.IsGet(request.Method) && request.Headers.TraceParent.ToString().EndsWith("-00", StringComparison.Ordinal));

    // Descriptions only: exceptions and data of a check may hold what a caller without a key should not see.
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var checks = report.Entries.ToDictionary(
            entry => entry.Key, entry => new { Status = entry.Value.Status.ToString(), entry.Value.Description });
        return context.Response.WriteAsJsonAsync(
            new { Status = report.Status.ToString(), Checks = checks }, JsonSerializerOptions.Web, context.RequestAborted);
    }
}
