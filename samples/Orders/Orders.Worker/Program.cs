using Microsoft.Extensions.Hosting;
using Orders.Tasks;
using WorkQueue.Messaging;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.AddTaskWorker();
builder.AddTaskHandler<WriteInvoice, Invoice, WriteInvoiceHandler>();
builder.Build().Run();
