using Microsoft.Extensions.Configuration;

IDistributedApplicationBuilder builder = DistributedApplication.CreateBuilder(args);

// A broker that runs already, or one in a container.
IResourceBuilder<IResourceWithConnectionString> broker = string.IsNullOrEmpty(builder.Configuration.GetConnectionString("rabbitmq"))
    ? builder.AddRabbitMQ("rabbitmq").WithManagementPlugin()
    : builder.AddConnectionString("rabbitmq");

builder.AddProject<Projects.Orders_Web>("web").WithReference(broker).WaitFor(broker).WithHttpHealthCheck("/health");
builder.AddProject<Projects.Orders_Worker>("worker").WithReference(broker).WaitFor(broker).WithReplicas(2);

builder.Build().Run();
