using Microsoft.Extensions.Configuration;

IDistributedApplicationBuilder builder = DistributedApplication.CreateBuilder(args);

// A broker that runs already, or one in a container.
IResourceBuilder<IResourceWithConnectionString> broker = string.IsNullOrEmpty(builder.Configuration.GetConnectionString("rabbitmq"))
    ? builder.AddRabbitMQ("rabbitmq").WithManagementPlugin()
    : builder.AddConnectionString("rabbitmq");

// The same of the database.
IResourceBuilder<IResourceWithConnectionString> database = string.IsNullOrEmpty(builder.Configuration.GetConnectionString("orders"))
    ? builder.AddPostgres("postgres").AddDatabase("orders")
    : builder.AddConnectionString("orders");

builder.AddProject<Projects.Orders_Web>("web")
    .WithReference(broker).WaitFor(broker)
    .WithReference(database).WaitFor(database)
    .WithHttpHealthCheck("/health");
builder.AddProject<Projects.Orders_Worker>("worker").WithReference(broker).WaitFor(broker).WithReplicas(2);

builder.Build().Run();
