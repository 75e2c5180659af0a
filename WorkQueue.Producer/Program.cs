using WorkQueue.Messaging;
using WorkQueue.Producer;
using WorkQueue.Producer.Board;
using WorkQueue.Producer.History;
using WorkQueue.ServiceDefaults;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
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
