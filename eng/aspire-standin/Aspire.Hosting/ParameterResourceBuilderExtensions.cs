using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Supervision;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A parameter whose value comes from the configuration key Parameters:name.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, () => builder.Configuration[$"Parameters:{name}"]
            ?? throw new DistributedApplicationException($"The parameter '{name}' has no value: set the configuration key 'Parameters:{name}'."), secret));

    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, () => value, secret));

    /// <summary>A connection string that comes from the configuration key ConnectionStrings:name.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddConnectionString(this IDistributedApplicationBuilder builder, string name, string? environmentVariableName = null)
    {
        ParameterResource value = new(name, () => builder.Configuration.GetConnectionString(name)
            ?? throw new DistributedApplicationException($"The connection string '{name}' is missing: set the configuration key 'ConnectionStrings:{name}'."), secret: true);
        return builder.AddResource(new ConnectionStringParameterResource(name, value, environmentVariableName));
    }

    /// <summary>A password that is generated once and kept in the AppHost's user secrets, so it survives a restart.</summary>
    internal static ParameterResource CreatePassword(IDistributedApplicationBuilder builder, string name)
    {
        // Without letters and digits that are easily confused, and without characters that need escaping somewhere.
        const string Alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ0123456789";
        string key = $"Parameters:{name}";
        return new(name, () => builder.Configuration[key] ?? UserSecrets.GetOrAdd(builder.AppHostAssembly, key, RandomNumberGenerator.GetString(Alphabet, 22)), secret: true);
    }

    private sealed class ConnectionStringParameterResource(string name, ParameterResource value, string? environmentVariableName) : Resource(name), IResourceWithConnectionString
    {
        public string? ConnectionStringEnvironmentVariable { get; } = environmentVariableName;
        public ReferenceExpression ConnectionStringExpression { get; } = ReferenceExpression.Create($"{value}");
    }
}
