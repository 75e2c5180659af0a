using Scalar.AspNetCore;
using WorkQueue.Board;
using WorkQueue.Messaging;
using WorkQueue.ServiceDefaults;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
// The queue makes connections of its own from this one's settings, watches them itself and tells of their health.
builder.AddRabbitMQClient(HostingExtensions.ConnectionName, settings => (settings.DisableHealthChecks, settings.DisableTracing) = (true, true));
builder.AddTaskQueue();
builder.AddTaskBoard();
builder.Services.AddOpenApi();
builder.Services.AddProblemDetails();

WebApplication app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.MapDefaultEndpoints();
app.MapOpenApi().RequireTaskApiKey();
// All of it comes from this program: no fonts, no chat, no figures to anybody else.
app.MapScalarApiReference("/docs", page => page.WithTitle("WorkQueue API").DisableAgent().DisableMcp().DisableTelemetry().DisableDefaultFonts().HideDeveloperTools()).RequireTaskApiKey();
app.MapTaskApi();
app.MapTaskBoard();
app.MapGet("/", () => Results.LocalRedirect(TaskBoardExtensions.DefaultPath)).ExcludeFromDescription();
app.Run();
