using System.Security.Cryptography;
using System.Text;

namespace WorkQueue.Board.Calls;

/// <summary>The keys that open the API outside Development, <c>WorkQueue:ApiKeys</c>.</summary>
internal sealed class ApiKeys
{
    public const string Section = "WorkQueue:ApiKeys";
    public const int MinLength = 16;

    private readonly byte[][] _hashes;

    private ApiKeys(IEnumerable<string> keys, bool required) =>
        (_hashes, Required) = ([.. keys.Select(Hash)], required);

    /// <summary>False in Development.</summary>
    public bool Required { get; }

    public int Count => _hashes.Length;

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidOperationException">A key is too short.</exception>
    public static ApiKeys Read(IConfiguration configuration, IHostEnvironment environment)
    {
        string[] keys = configuration.GetSection(Section).Get<string[]>() ?? [];
        if (keys.Any(key => key.Length < MinLength))
        {
            throw new InvalidOperationException($"{Section}: a key has at least {MinLength} characters.");
        }

        return new ApiKeys(keys, !environment.IsDevelopment());
    }

    /// <summary>Whether a header <c>Authorization</c> has a valid key.</summary>
    public bool Accepts(string authorization)
    {
        const string Scheme = "Bearer ";
        return authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && IsValid(authorization[Scheme.Length..].Trim());
    }

    /// <summary>Signs a text with a key; null when the key is none of ours.</summary>
    public string? Sign(string key, string text) => IsValid(key) ? SignatureOf(Hash(key), text) : null;

    /// <summary>Whether a text was signed with a key that is still ours.</summary>
    public bool HasSigned(string text, string signature)
    {
        byte[] given = Encoding.UTF8.GetBytes(signature);
        return _hashes.Aggregate(false, (signed, hash) => signed | CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(SignatureOf(hash, text)), given));
    }

    private bool IsValid(string key)
    {
        byte[] given = Hash(key);
        // Every key is compared, each in constant time: how long an answer takes tells nothing.
        return _hashes.Aggregate(false, (accepted, hash) => accepted | CryptographicOperations.FixedTimeEquals(hash, given));
    }

    private static string SignatureOf(byte[] hash, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(hash, Encoding.UTF8.GetBytes("board " + text)));

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
