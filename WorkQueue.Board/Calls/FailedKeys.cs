using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace WorkQueue.Board.Calls;

/// <summary>Who has sent too many wrong keys is not listened to for a while, whatever key comes next: of a key that is tried out nobody hears whether it was right.</summary>
internal sealed class FailedKeys : IDisposable
{
    /// <summary>So many wrong keys are answered in a <see cref="Window"/> by one address.</summary>
    public const int Most = 30;

    /// <summary>How long the address is not listened to at most.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<HttpContext> _limiter = PartitionedRateLimiter.Create<HttpContext, IPAddress>(context => RateLimitPartition.GetFixedWindowLimiter(
        AddressOf(context.Connection.RemoteIpAddress), _ => new FixedWindowRateLimiterOptions { PermitLimit = Most, Window = Window }));

    /// <summary>Whether an address has sent too many.</summary>
    public bool IsOver(HttpContext context)
    {
        using RateLimitLease any = _limiter.AttemptAcquire(context, 0);
        return !any.IsAcquired;
    }

    /// <summary>One more.</summary>
    public void Count(HttpContext context) => _limiter.AttemptAcquire(context).Dispose();

    public void Dispose() => _limiter.Dispose();

    // Of IPv6 the network: who has one has as many addresses as he likes.
    private static IPAddress AddressOf(IPAddress? address) => address switch
    {
        null => IPAddress.None,
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4(),
        { AddressFamily: AddressFamily.InterNetworkV6 } => new IPAddress([.. address.GetAddressBytes()[..8], .. new byte[8]]),
        _ => address,
    };
}
