namespace Aspire.Hosting.ApplicationModel;

public sealed class RabbitMQServerResource : ContainerResource, IResourceWithConnectionString
{
    internal const string PrimaryEndpointName = "tcp";
    internal const string ManagementEndpointName = "management";

    internal RabbitMQServerResource(string name, ReferenceExpression userName, ParameterResource password)
        : base(name) => (UserNameReference, PasswordParameter) = (userName, password);

    public EndpointReference PrimaryEndpoint => new(this, PrimaryEndpointName);
    public EndpointReference ManagementEndpoint => new(this, ManagementEndpointName);
    public ReferenceExpression UserNameReference { get; }
    public ParameterResource PasswordParameter { get; }

    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"amqp://{UserNameReference:uri}:{PasswordParameter:uri}@{PrimaryEndpoint.Property(EndpointProperty.HostAndPort)}");

    IEnumerable<KeyValuePair<string, ReferenceExpression>> IResourceWithConnectionString.GetConnectionProperties() =>
    [
        new("Host", ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.Host)}")),
        new("Port", ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.Port)}")),
        new("Username", UserNameReference),
        new("Password", ReferenceExpression.Create($"{PasswordParameter}")),
        new("Uri", ConnectionStringExpression)
    ];
}
