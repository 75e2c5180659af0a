using System.Reflection;
using WorkQueue.AppHost;

try
{
    AppHostSettings.CheckArguments(args);
    IDistributedApplicationBuilder builder = DistributedApplication.CreateBuilder(args);
    AppHostSettings settings = AppHostSettings.Read(builder);
    using Broker broker = await Broker.AddAsync(builder, settings);

    builder.AddProject<Projects.WorkQueue_Producer>("producer")
        .WithHttpEndpoint(port: 5180, name: "http")
        .WithHttpHealthCheck("/health")
        .WithForwardedSettings(settings, broker)
        .WithApiKeys()
        .WithDashboardLink()
        .WithLinksAndCommands()
        .WithReference(broker.Resource)
        .WaitFor(broker.Resource);

    builder.AddProject<Projects.WorkQueue_Worker>("worker")
        .WithReplicas(settings.Workers)
        .WithForwardedSettings(settings, broker)
        .WithReference(broker.Resource)
        .WaitFor(broker.Resource);

    await builder.Build().RunAsync();
    return 0;
}
catch (SettingException bad) when (Assembly.GetEntryAssembly() == Assembly.GetExecutingAssembly())
{
    // Run as a program: one line for the user. Under the testing builder the test gets the exception instead.
    await Console.Error.WriteLineAsync(bad.Message);
    return 1;
}
