using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace WorkQueue.Board.Calls;

/// <summary>
/// An address that has sent too many wrong keys is answered none for a while, so that nobody hears of a key that he tries out whether it is right; but for those that were right
/// from there before: many may share an address.
/// </summary>
internal sealed class FailedKeys : IDisposable
{
    /// <summary>So many wrong keys are answered in a <see cref="Window"/> by one address.</summary>
    public const int Most = 30;

    /// <summary>How long the address is not listened to at most.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private const int MostRight = 10_000;

    private readonly ConcurrentDictionary<(IPAddress Address, string Key), byte> _right = new();
    private readonly PartitionedRateLimiter<HttpContext> _limiter = PartitionedRateLimiter.Create<HttpContext, IPAddress>(context => RateLimitPartition.GetFixedWindowLimiter(
        AddressOf(context.Connection.RemoteIpAddress), _ => new FixedWindowRateLimiterOptions { PermitLimit = Most, Window = Window }));

    /// <summary>Whether a key, or none that is ours, is not to be looked at.</summary>
    public bool IsShut(HttpContext context, ApiKey? key)
    {
        if (key is not null && _right.ContainsKey(PlaceOf(context, key)))
        {
            return false;
        }

        using RateLimitLease any = _limiter.AttemptAcquire(context, 0);
        return !any.IsAcquired;
    }

    /// <summary>A key was right.</summary>
    public void Welcome(HttpContext context, ApiKey key)
    {
        (IPAddress, string) place = PlaceOf(context, key);
        // By far the most were before: to count them all locks the whole dictionary.
        if (_right.ContainsKey(place))
        {
            return;
        }

        if (_right.Count >= MostRight)
        {
            _right.Clear();
        }

        _right.TryAdd(place, 0);
    }

    /// <summary>One more.</summary>
    public void Count(HttpContext context) => _limiter.AttemptAcquire(context).Dispose();

    public void Dispose() => _limiter.Dispose();

    private static (IPAddress Address, string Key) PlaceOf(HttpContext context, ApiKey key) => (AddressOf(context.Connection.RemoteIpAddress), key.Name);

    // Of IPv6 the network: who has one has as many addresses as he likes.
    private static IPAddress AddressOf(IPAddress? address) => address switch
    {
        null => IPAddress.None,
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4(),
        { AddressFamily: AddressFamily.InterNetworkV6 } => new IPAddress([.. address.GetAddressBytes()[..8], .. new byte[8]]),
        _ => address,
    };
}
