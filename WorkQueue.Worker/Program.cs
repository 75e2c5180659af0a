using WorkQueue.Messaging;
using WorkQueue.ServiceDefaults;
using WorkQueue.Worker.Handlers;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.AddServiceDefaults();
builder.AddOutputFolder();
builder.AddImageResizing();
builder.AddWebhookClient();
// The queue makes connections of its own from this one's settings, watches them itself and tells of their health.
builder.AddRabbitMQClient(HostingExtensions.ConnectionName, settings => (settings.DisableHealthChecks, settings.DisableTracing) = (true, true));
builder.AddTaskWorker();
builder.AddTaskHandler<Simulate, SimulateHandler>("simulate");
builder.AddTaskHandler<RenderPdf, RenderPdfHandler>("render-pdf");
builder.AddTaskHandler<ResizeImage, ResizeImageHandler>("resize-image");
builder.AddTaskHandler<DeliverWebhook, DeliverWebhookHandler>("deliver-webhook");
builder.Build().Run();
