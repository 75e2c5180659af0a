namespace WorkQueue.Messaging.Connections;

/// <summary>Hard limits on calls into the client, which can hang for ever on a dead connection (rabbitmq-dotnet-client issue 1930 and its kin).</summary>
internal static class Limits
{
    public static readonly TimeSpan Connect = TimeSpan.FromSeconds(20);

    /// <summary>Of several nodes: one that is dark must not take the time of the others.</summary>
    public static readonly TimeSpan ConnectToOne = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan Rpc = TimeSpan.FromSeconds(20);
    public static readonly TimeSpan Close = TimeSpan.FromSeconds(3);

    /// <summary>For closing a connection on the way out: a program that ends has no time for a broker that does not answer.</summary>
    public static readonly TimeSpan LastClose = TimeSpan.FromSeconds(1);

    /// <summary>Opens something; if it takes too long it is disposed of whenever it does open.</summary>
    /// <exception cref="TimeoutException">It took longer than <paramref name="limit"/>.</exception>
    public static async Task<T> OpenAsync<T>(Task<T> opening, TimeSpan limit, TimeProvider clock, CancellationToken cancellationToken)
        where T : IAsyncDisposable
    {
        try
        {
            return await opening.WaitAsync(limit, clock, cancellationToken);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            _ = DisposeLateAsync(opening, clock);
            throw;
        }
    }

    /// <summary>Disposes, and gives up after a limit, <see cref="Close"/> unless given. Never throws: what is being disposed of may be broken in any way.</summary>
    public static async Task DisposeAsync(IAsyncDisposable? resource, TimeProvider clock, TimeSpan? limit = null)
    {
        if (resource is null)
        {
            return;
        }

        try
        {
            await resource.DisposeAsync().AsTask().WaitAsync(limit ?? Close, clock).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A broken connection throws anything from its dispose, and nothing can be done about it.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private static async Task DisposeLateAsync<T>(Task<T> opening, TimeProvider clock)
        where T : IAsyncDisposable
    {
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
        {
            await DisposeAsync(await opening, clock);
        }
    }
}
