using WorkQueue.Messaging;
using WorkQueue.Producer;
using WorkQueue.ServiceDefaults;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddTaskQueue();
builder.AddTaskApi();

WebApplication app = builder.Build();
app.UseTaskApi();
app.MapDefaultEndpoints();
app.MapOpenApi();
app.MapTasks();
app.MapQueues();
app.MapDeadLetters();
app.Run();
