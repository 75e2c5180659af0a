using System.Security.Cryptography;
using System.Text;
using WorkQueue.Producer.Board;

namespace WorkQueue.Producer;

/// <summary>The keys that open the API outside Development, <c>WorkQueue:ApiKeys</c>.</summary>
internal sealed class ApiKeys
{
    private const string Section = "WorkQueue:ApiKeys";
    private const int MinLength = 16;

    private readonly byte[][] _hashes;

    private ApiKeys(IEnumerable<string> keys, bool required) =>
        (_hashes, Required) = ([.. keys.Select(Hash)], required);

    /// <summary>False in Development.</summary>
    public bool Required { get; }

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidOperationException">A key is too short, or there is none where one is needed.</exception>
    public static ApiKeys Read(IConfiguration configuration, IHostEnvironment environment)
    {
        string[] keys = configuration.GetSection(Section).Get<string[]>() ?? [];
        if (keys.Any(key => key.Length < MinLength))
        {
            throw new InvalidOperationException($"{Section}: a key has at least {MinLength} characters.");
        }

        if (keys.Length == 0 && !environment.IsDevelopment())
        {
            throw new InvalidOperationException(
                $"Environment '{environment.EnvironmentName}' needs an API key: set {Section}:0 (environment variable WorkQueue__ApiKeys__0) to a secret of at least {MinLength} characters.");
        }

        return new ApiKeys(keys, !environment.IsDevelopment());
    }

    /// <summary>Middleware: refuses a call without a valid key. Health probes need none.</summary>
    public static Task RequireAsync(HttpContext context, RequestDelegate next)
    {
        ApiKeys keys = context.RequestServices.GetRequiredService<ApiKeys>();
        bool open = context.Request.Path.Value is "/health" or "/alive";
        if (open || !keys.Required || keys.Accepts(context.Request.Headers.Authorization.ToString()) || BoardSession.IsOpen(context.Request) || BoardSession.Opens(context))
        {
            return next(context);
        }

        if (BoardSession.IsPage(context.Request))
        {
            return BoardSession.AskAsync(context);
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Results.Problem(
            statusCode: StatusCodes.Status401Unauthorized, title: "A key is needed", detail: "Send the header 'Authorization: Bearer <key>' with a key from WorkQueue:ApiKeys.")
            .ExecuteAsync(context);
    }

    /// <summary>Signs a text with a key; null when the key is none of ours.</summary>
    public string? Sign(string key, string text) => IsValid(key) ? SignatureOf(Hash(key), text) : null;

    /// <summary>Whether a text was signed with a key that is still ours.</summary>
    public bool HasSigned(string text, string signature)
    {
        byte[] given = Encoding.UTF8.GetBytes(signature);
        return _hashes.Aggregate(false, (signed, hash) => signed | CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(SignatureOf(hash, text)), given));
    }

    private bool Accepts(string authorization)
    {
        const string Scheme = "Bearer ";
        return authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && IsValid(authorization[Scheme.Length..].Trim());
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
