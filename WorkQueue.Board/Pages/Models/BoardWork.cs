using System.Collections.Concurrent;
using System.Globalization;
using WorkQueue.Board.Calls;

namespace WorkQueue.Board.Pages.Models;

/// <summary>
/// Actions on many tasks. What is soon done is answered at once; what takes longer, as a redrive of ten a second does, goes on without the
/// browser and can be stopped.
/// </summary>
internal sealed class BoardWork(IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private const int MaxAtOnce = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<int, WorkItem> _items = new();
    private int _lastId;

    /// <summary>What is under way.</summary>
    public IReadOnlyList<WorkItem> Current => [.. _items.Values.OrderBy(item => item.Id)];

    /// <summary>Does something, and says what has come of it so far.</summary>
    /// <param name="what">What is done, for the people who see it going on.</param>
    /// <param name="work">Does it, and says what came of it.</param>
    /// <exception cref="BadHttpRequestException">Too much is under way.</exception>
    public async Task<Flash> RunAsync(string what, Func<CancellationToken, Task<string>> work)
    {
        if (_items.Count >= MaxAtOnce)
        {
            throw new BadHttpRequestException($"{MaxAtOnce} actions are under way; wait for one of them, or stop it.", StatusCodes.Status429TooManyRequests);
        }

        CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
        WorkItem item = new(Interlocked.Increment(ref _lastId), what, clock.GetUtcNow(), stop);
        _items[item.Id] = item;
        Task<Flash> task = DoAsync(item, work);
        try
        {
            return await task.WaitAsync(Patience, clock);
        }
        catch (TimeoutException)
        {
            return new Flash(IsError: false, $"{what}: goes on, see “Under way”.");
        }
    }

    /// <summary>Stops one after the task it is at.</summary>
    public bool Stop(string? id)
    {
        bool found = int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && _items.TryGetValue(number, out WorkItem? item) && item.TryStop();
        return found;
    }

    private async Task<Flash> DoAsync(WorkItem item, Func<CancellationToken, Task<string>> work)
    {
        try
        {
            return new Flash(IsError: false, await work(item.Stopping));
        }
        catch (OperationCanceledException) when (item.Stopping.IsCancellationRequested)
        {
            return new Flash(IsError: true, $"{item.What}: stopped.");
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure))
        {
            return new Flash(IsError: true, $"{item.What}: {failure.Message}");
        }
        finally
        {
            _items.TryRemove(item.Id, out _);
            item.Dispose();
        }
    }
}

/// <summary>An action that is under way.</summary>
internal sealed class WorkItem(int id, string what, DateTimeOffset startedAt, CancellationTokenSource stop) : IDisposable
{
    public int Id => id;

    public string What => what;

    public DateTimeOffset StartedAt => startedAt;

    public CancellationToken Stopping { get; } = stop.Token;

    public bool TryStop()
    {
        try
        {
            stop.Cancel();
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public void Dispose() => stop.Dispose();
}
