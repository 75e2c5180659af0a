using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace WorkQueue.Board.Calls;

/// <summary>The keys that open the API outside Development, <c>WorkQueue:ApiKeys</c>, as the settings are at the moment: they change without a restart where the settings do.</summary>
internal sealed class ApiKeys : IDisposable
{
    public const string Section = "WorkQueue:ApiKeys";

    /// <summary>With what the header <c>Authorization</c> of one begins.</summary>
    public const string Scheme = "Bearer ";

    private readonly IConfiguration _configuration;
    private readonly ILogger<ApiKeys> _logger;
    private readonly IDisposable _watching;
    private volatile ApiKey[] _keys;
    private CancellationTokenSource _changed = new();

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidOperationException">One is none.</exception>
    public ApiKeys(IConfiguration configuration, IHostEnvironment environment, ILogger<ApiKeys> logger)
    {
        (_configuration, _logger, Required) = (configuration, logger, !environment.IsDevelopment());
        _keys = Read();
        _watching = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
    }

    /// <summary>False in Development.</summary>
    public bool Required { get; }

    public int Count => _keys.Length;

    /// <summary>Cancelled when they change: what goes on for long is to be asked for again then.</summary>
    public CancellationToken Changed => Volatile.Read(ref _changed).Token;

    /// <summary>The key of a header <c>Authorization</c>; null when it is none of ours.</summary>
    public ApiKey? Of(string authorization) =>
        authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? Find(authorization[Scheme.Length..].Trim()) : null;

    /// <summary>One of ours; null when it is none.</summary>
    public ApiKey? Find(string key) => Find(own => own.Hash, ApiKey.HashOf(key));

    /// <summary>Signs a text with a key.</summary>
    public static string Sign(ApiKey key, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(key.Hash, Encoding.UTF8.GetBytes("board " + text)));

    /// <summary>The key with which a text was signed; null when it is none that is still ours.</summary>
    public ApiKey? SignerOf(string text, string signature) => Find(own => Encoding.UTF8.GetBytes(Sign(own, text)), Encoding.UTF8.GetBytes(signature));

    public void Dispose()
    {
        _watching.Dispose();
        _changed.Dispose();
    }

    // Every key is compared, each in constant time: how long an answer takes tells nothing.
    private ApiKey? Find(Func<ApiKey, byte[]> of, byte[] given) =>
        _keys.Aggregate((ApiKey?)null, (found, key) => CryptographicOperations.FixedTimeEquals(of(key), given) ? key : found);

    private ApiKey[] Read()
    {
        ApiKey[] keys = [.. _configuration.GetSection(Section).GetChildren().Select(ApiKey.Read)];
        return keys.GroupBy(key => Convert.ToHexString(key.Hash)).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw new InvalidOperationException($"{Section}: {string.Join(" and ", twice.Select(key => key.Name))} are the same key; take one of them out.")
            : keys;
    }

    private void Reload()
    {
        try
        {
            ApiKey[] keys = Read();
            if (keys.Length == 0 && _keys.Length > 0)
            {
                throw new InvalidOperationException($"{Section} has no key any more.");
            }

            if (!keys.Select(Text).SequenceEqual(_keys.Select(Text), StringComparer.Ordinal))
            {
                _keys = keys;
                Interlocked.Exchange(ref _changed, new CancellationTokenSource()).Cancel();
                _logger.KeysChanged(string.Join(", ", keys.Select(key => $"{key.Name} ({key.Scope})")));
            }
        }
        catch (InvalidOperationException wrong)
        {
            _logger.KeysNotChanged(wrong.Message);
        }

        static string Text(ApiKey key) => $"{key.Name} {key.Scope} {Convert.ToHexString(key.Hash)}";
    }
}
