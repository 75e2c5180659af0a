using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Supervision;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A parameter whose value comes from the configuration key Parameters:name.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddResource(CreateParameter(builder, name, secret));

    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddParameter(name, () => value, publishValueAsDefault, secret);

    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter, bool publishValueAsDefault = false, bool secret = false) =>
        publishValueAsDefault && secret
            ? throw new ArgumentException("A parameter cannot be both secret and published as a default value.", nameof(secret))
            : builder.AddResource(new ParameterResource(name, _ => valueGetter(), secret));

    /// <summary>A connection string that comes from the configuration key ConnectionStrings:name.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddConnectionString(this IDistributedApplicationBuilder builder, string name, string? environmentVariableName = null)
    {
        ParameterResource value = new(name, _ => builder.Configuration.GetConnectionString(name)
            ?? throw new MissingParameterValueException($"The connection string '{name}' is missing: set the configuration key 'ConnectionStrings:{name}'."), secret: true);
        return builder.AddResource(new ConnectionStringParameterResource(name, value, environmentVariableName));
    }

    public static ParameterResource CreateParameter(IDistributedApplicationBuilder builder, string name, bool secret) =>
        new(name, _ => builder.Configuration[$"Parameters:{name}"]
            ?? throw new MissingParameterValueException($"The parameter '{name}' has no value: set the configuration key 'Parameters:{name}'."), secret);

    public static ParameterResource CreateDefaultPasswordParameter(
        IDistributedApplicationBuilder builder, string name, bool lower = true, bool upper = true, bool numeric = true, bool special = true, int minLower = 0, int minUpper = 0, int minNumeric = 0, int minSpecial = 0) =>
        CreateGeneratedParameter(builder, name, secret: true, new()
        {
            MinLength = 22 + minLower + minUpper + minNumeric + minSpecial,
            Lower = lower,
            Upper = upper,
            Numeric = numeric,
            Special = special
        });

    /// <summary>A parameter with a generated value that is kept in the AppHost's user secrets.</summary>
    public static ParameterResource CreateGeneratedParameter(IDistributedApplicationBuilder builder, string name, bool secret, GenerateParameterDefault parameterDefault) =>
        new(name, generate => builder.Configuration[$"Parameters:{name}"] ?? new UserSecrets(builder.AppHostAssembly).GetOrSet($"Parameters:{name}", generate!.GetDefaultValue), secret)
        {
            Default = parameterDefault
        };

    private sealed class ConnectionStringParameterResource(string name, ParameterResource value, string? environmentVariableName) : Resource(name), IResourceWithConnectionString
    {
        public string? ConnectionStringEnvironmentVariable { get; } = environmentVariableName;

        public ReferenceExpression ConnectionStringExpression { get; } = ReferenceExpression.Create($"{value}");
    }
}
