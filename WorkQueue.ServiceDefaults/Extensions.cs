using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace WorkQueue.ServiceDefaults;

/// <summary>What every service of the solution has: telemetry, health checks, and the endpoints that show health.</summary>
public static class Extensions
{
    private const string HealthPath = "/health";
    private const string AlivePath = "/alive";
    private const string LiveTag = "live";

    /// <summary>
    /// Adds OpenTelemetry logs, metrics and traces, and the health check "self". They are exported by OTLP if
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, and otherwise only collected.
    /// </summary>
    /// <param name="builder">The builder of the service.</param>
    /// <returns>The same builder.</returns>
    public static IHostApplicationBuilder AddServiceDefaults(this IHostApplicationBuilder builder)
    {
        // .NET 10 leaves the standard attributes of its own request spans out unless asked; read once, before the host is built.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        IOpenTelemetryBuilder telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics.AddMeter(
                "WorkQueue", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime"))
            .WithTracing(tracing => tracing
                .AddSource("WorkQueue", "Microsoft.AspNetCore", "System.Net.Http")
                .AddProcessor(new ProbeFilter()));
        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            telemetry.UseOtlpExporter();

        builder.Services.AddTransient<IStartupFilter, RequestSpans>();
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

    // Descriptions only: exceptions and data of a check may hold what a caller without a key should not see.
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var checks = report.Entries.ToDictionary(
            entry => entry.Key, entry => new { Status = entry.Value.Status.ToString(), entry.Value.Description });
        return context.Response.WriteAsJsonAsync(
            new { Status = report.Status.ToString(), Checks = checks }, JsonSerializerOptions.Web, context.RequestAborted);
    }

    /// <summary>Keeps the requests of health probes out of the traces: a span that is not recorded is not exported.</summary>
    private sealed class ProbeFilter : BaseProcessor<Activity>
    {
        // At the start, so that spans below the request are left out as well.
        public override void OnStart(Activity data)
        {
            if (data.Kind == ActivityKind.Server && data.GetTagItem("url.path") is string path && path.TrimEnd('/') is HealthPath or AlivePath)
                data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
    }

    /// <summary>Gives request spans the name, route and status that the request has when it ends; the ones of .NET 10 stop at its start.</summary>
    private sealed class RequestSpans : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (context, inner) =>
            {
                try
                {
                    await inner(context);
                    Describe(context, context.Response.StatusCode);
                }
                catch
                {
                    Describe(context, StatusCodes.Status500InternalServerError);
                    throw;
                }
            });
            next(app);
        };

        private static void Describe(HttpContext context, int status)
        {
            if (context.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } activity)
                return;
            string? route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
            activity.DisplayName = route is null ? context.Request.Method : $"{context.Request.Method} {route}";
            activity.SetTag("http.route", route);
            activity.SetTag("http.response.status_code", status);
            if (status >= StatusCodes.Status500InternalServerError)
                activity.SetStatus(ActivityStatusCode.Error);
        }
    }
}
