using System.Security.Cryptography;
using System.Text;

namespace WorkQueue.Board.Calls;

/// <summary>What a key may be used for; each is given by itself.</summary>
[Flags]
internal enum ApiScope
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>To look.</summary>
    Read = 1,

    /// <summary>To enqueue tasks and publish events.</summary>
    Send = 2,

    /// <summary>To change what is there: cancel, run again, redrive, discard, pause, schedules.</summary>
    Operate = 4,

    /// <summary>Everything.</summary>
    All = Read | Send | Operate,
}

/// <summary>A key, of which nothing is kept that could be sent again.</summary>
/// <param name="Name">By which the log tells of it: its place in the settings.</param>
/// <param name="Hash">SHA-256 of it.</param>
/// <param name="Scope">What it may be used for.</param>
internal sealed record ApiKey(string Name, byte[] Hash, ApiScope Scope)
{
    public const int MinLength = 16;

    /// <summary>Reads one: a text, which may everything, or a section with <c>Key</c> and <c>Scope</c>.</summary>
    /// <exception cref="InvalidOperationException">It is too short, has no key or a scope that there is not.</exception>
    public static ApiKey Read(IConfigurationSection section)
    {
        if (section.GetChildren().FirstOrDefault(child => !child.Key.Equals("Key", StringComparison.OrdinalIgnoreCase) && !child.Key.Equals("Scope", StringComparison.OrdinalIgnoreCase)) is { } unknown)
        {
            throw new InvalidOperationException($"{unknown.Path} is no setting; a key has Key and Scope.");
        }

        if (section.GetChildren().Any(child => child.Value is null))
        {
            // A list would be no scope at all, which is every scope.
            throw new InvalidOperationException($"{section.Path}: Key and Scope are texts, the scope with commas: \"read,send\".");
        }

        string key = section.Value ?? section["Key"] ?? throw new InvalidOperationException($"{section.Path}:Key is missing.");
        return key.Length < MinLength
            ? throw new InvalidOperationException($"{section.Path}: a key has at least {MinLength} characters.")
            : new ApiKey(section.Key, HashOf(key), section["Scope"] is { } scope ? ScopeOf(section.Path, scope) : ApiScope.All);
    }

    public static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static ApiScope ScopeOf(string path, string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Aggregate(ApiScope.None, (scope, word) => scope | word.ToLowerInvariant() switch
    {
        "read" => ApiScope.Read,
        "send" => ApiScope.Send,
        "operate" => ApiScope.Operate,
        _ => throw new InvalidOperationException($"{path}:Scope is '{text}'; it is read, send and operate, with commas between them."),
    }) is not ApiScope.None and var all ? all : throw new InvalidOperationException($"{path}:Scope is empty; it is read, send and operate, with commas between them. Leave it out for all.");
}
