using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.AddTaskQueue();
builder.AddTaskWorker();
builder.AddTaskHandler("hello", (string name, TaskContext _) => Task.FromResult($"Hello, {name}!"));

using IHost host = builder.Build();
await host.StartAsync();
ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
await Console.Out.WriteLineAsync(await tasks.CallAsync<string>("hello", "World", TimeSpan.FromSeconds(30)));
await host.StopAsync();
