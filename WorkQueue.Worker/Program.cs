using WorkQueue.Messaging;
using WorkQueue.ServiceDefaults;
using WorkQueue.Worker.Handlers;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.AddServiceDefaults();
builder.AddPdfRendering();
builder.AddWebhookClient();
builder.AddTaskWorker();
builder.AddTaskHandler<Simulate, SimulateHandler>("simulate");
builder.AddTaskHandler<RenderPdf, RenderPdfHandler>("render-pdf");
builder.AddTaskHandler<DeliverWebhook, DeliverWebhookHandler>("deliver-webhook");
builder.Build().Run();
