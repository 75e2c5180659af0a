using System.Security.Cryptography;
using System.Text;

namespace WorkQueue.Board.Api;

/// <summary>
/// The header <c>Idempotency-Key</c>: the task's id is made from it, so that a request repeated after an unknown outcome is of the same task.
/// What becomes of it is told by <see cref="ReadModel.KeyedTasks"/>.
/// </summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";
    private const int MaxLength = 255;

    /// <summary>The id the request asks for, or null.</summary>
    /// <exception cref="BadHttpRequestException">The key is empty or too long.</exception>
    public static string? TaskIdOf(HttpRequest request)
    {
        if (!request.Headers.TryGetValue(Header, out Microsoft.Extensions.Primitives.StringValues values))
        {
            return null;
        }

        string key = values.ToString();
        return key.Length is > 0 and <= MaxLength
            ? TaskIdOf(key)
            : throw new BadHttpRequestException($"{Header} has {key.Length} characters; it has 1 to {MaxLength}.");
    }

    /// <summary>A UUID of version 8 (RFC 9562 section 5.8) from the key's SHA-256.</summary>
    public static string TaskIdOf(string key)
    {
        Span<byte> bytes = SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
