using WorkQueue.Messaging;
using WorkQueue.Producer;
using WorkQueue.Producer.Board;
using WorkQueue.Producer.History;
using WorkQueue.ServiceDefaults;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
// The queue makes connections of its own from this one's settings, watches them itself and tells of their health.
builder.AddRabbitMQClient(HostingExtensions.ConnectionName, settings => (settings.DisableHealthChecks, settings.DisableTracing) = (true, true));
builder.AddTaskQueue();
builder.AddTaskProjection();
builder.AddEmittedEvents();
builder.AddTaskApi();
builder.AddBoard();

WebApplication app = builder.Build();
app.UseTaskApi();
app.MapDefaultEndpoints();
app.MapOpenApi();
app.MapTaskApi();
app.MapBoard();
app.Run();
