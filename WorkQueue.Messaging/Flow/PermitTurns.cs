using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Flow;

/// <summary>Gets the permits that a pool wants from the broker, keeps them, and gives back what it does not use. One turn at a time.</summary>
internal sealed class PermitTurns(PermitPool pool, int most, IPermitQueues queues, TimeProvider clock)
{
    // A queue that is gone while its connection lives (a policy that lets it expire, a node that was cut off) is to be noticed soon.
    private static readonly TimeSpan KeepInterval = TimeSpan.FromSeconds(2);

    private const int MostTries = 32;

    private long _keptAt;
    private int _next = Random.Shared.Next(most);

    /// <summary>Keeps, gives back and gets. Where it throws, a number of unknown outcome is given back the next time, and not used before.</summary>
    /// <returns>Whether somebody still waits.</returns>
    public async Task<bool> TurnAsync(OpenConnection open, CancellationToken stopping)
    {
        pool.Begin(open);
        await KeepAsync(open, stopping);
        while (pool.NextToRelease() is { } number)
        {
            await queues.ReleaseAsync(open, number, stopping);
            pool.Gone(number);
        }

        return await GetAsync(open, stopping);
    }

    private async Task KeepAsync(OpenConnection open, CancellationToken stopping)
    {
        if (_keptAt != 0 && clock.GetElapsedTime(_keptAt) < KeepInterval)
        {
            return;
        }

        _keptAt = clock.GetTimestamp();
        foreach (Permit permit in pool.HeldBy(open))
        {
            if (!await queues.TryKeepAsync(open, permit.Number, stopping))
            {
                permit.Lose("another worker has its permit");
                pool.Gone(permit.Number);
            }
        }
    }

    private async Task<bool> GetAsync(OpenConnection open, CancellationToken stopping)
    {
        int wanted = pool.TakeWanted();
        for (int tries = 0; wanted > 0 && tries < Math.Min(most, MostTries); tries++)
        {
            _next = (_next + 1) % most;
            int number = _next + 1;
            if (!pool.TryBegin(number))
            {
                continue;
            }

            if (await queues.TryHoldAsync(open, number, stopping))
            {
                wanted--;
                pool.Got(number, open);
            }
            else
            {
                pool.Gone(number);
            }
        }

        return wanted > 0;
    }
}
