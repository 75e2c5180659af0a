using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.AppHost;

int exitCode = 0;
try
{
    IDistributedApplicationBuilder builder = DistributedApplication.CreateBuilder(args);
    AppHostOptions options = AppHostOptions.Read(builder, args);
    using Broker broker = await Broker.AddAsync(builder, options);
    IResourceBuilder<ParameterResource> apiKey = builder.AddParameter("api-key", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true);
    ProducerClient client = new(builder.Configuration, apiKey.Resource);

    IResourceBuilder<ProjectResource> producer = builder.AddProject<Projects.WorkQueue_Producer>("producer");
    producer
        .WithHttpEndpoint(port: 5180, name: "http")
        .WithIconName("TaskListSquareLtr")
        .WithSettings(options, broker)
        .WithProducerSettings(apiKey)
        .WithProducerHealth(client)
        .WithLinks()
        .WithCommands(client)
        .WithReference(broker.Resource)
        .WaitFor(broker.Resource);

    builder.AddProject<Projects.WorkQueue_Worker>("worker")
        .WithReplicas(options.Workers)
        .WithIconName("Bot")
        .WithSettings(options, broker)
        .WithWorkerHealth(options.Workers, producer.GetEndpoint("http"), client)
        .WithSlotsCommand(options)
        .WithReference(broker.Resource)
        .WaitFor(broker.Resource);

    using IDisposable? ports = RunConsole.ClaimPorts(builder);
    // The first: Aspire's own services wait in their start until the broker is healthy.
    builder.Services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(services => ActivatorUtilities.CreateInstance<RunConsole>(services, broker, options, (Action)(() => exitCode = 1))));
    await builder.Build().RunAsync();
    return exitCode;
}
catch (OperationCanceledException)
{
    // Stopped while it was still starting.
    return exitCode;
}
catch (DistributedApplicationException bad) when (Assembly.GetEntryAssembly() == Assembly.GetExecutingAssembly())
{
    // Run as a program: one line for the user. Under the testing builder the test gets the exception instead.
    await Console.Error.WriteLineAsync(bad.Message);
    return 1;
}
