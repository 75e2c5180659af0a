using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The state of every instance of every resource, and its changes.</summary>
public class ResourceNotificationService : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResourceEvent> _current = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Channel<ResourceEvent>> _watchers = [];
    private bool _disposed;

    internal ResourceNotificationService()
    {
    }

    public bool TryGetCurrentState(string resourceId, out ResourceEvent? resourceEvent)
    {
        lock (_gate)
            return _current.TryGetValue(resourceId, out resourceEvent);
    }

    /// <summary>The current state of every instance, then each change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Channel<ResourceEvent> watcher = Channel.CreateUnbounded<ResourceEvent>();
        lock (_gate)
        {
            foreach (ResourceEvent known in _current.Values)
                watcher.Writer.TryWrite(known);

            if (_disposed)
                watcher.Writer.TryComplete();
            else
                _watchers.Add(watcher);
        }

        try
        {
            await foreach (ResourceEvent change in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return change;
        }
        finally
        {
            lock (_gate)
                _watchers.Remove(watcher);
        }
    }

    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    public async Task<string> WaitForResourceAsync(string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        string[] states = [.. targetStates];
        ResourceEvent reached = await WaitForResourceAsync(resourceName, change => states.Contains(change.Snapshot.State?.Text, StringComparer.OrdinalIgnoreCase), cancellationToken).ConfigureAwait(false);
        return reached.Snapshot.State!.Text;
    }

    public async Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        await foreach (ResourceEvent change in WatchAsync(cancellationToken).ConfigureAwait(false))
        {
            if (Names(change, resourceName) && predicate(change))
                return change;
        }

        throw new OperationCanceledException("The application stopped before the resource reached the awaited state.");
    }

    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(resourceName, WaitBehavior.StopOnResourceUnavailable, cancellationToken);

    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        ResourceEvent reached = await WaitForResourceAsync(resourceName, change => IsHealthy(change) || (waitBehavior == WaitBehavior.StopOnResourceUnavailable && change.Snapshot.IsTerminal), cancellationToken).ConfigureAwait(false);
        return IsHealthy(reached) ? reached : throw Ended(reached);
    }

    /// <summary>Returns when everything the resource waits for is there; throws when that cannot happen any more.</summary>
    public Task WaitForDependenciesAsync(IResource resource, CancellationToken cancellationToken) =>
        Task.WhenAll(resource.Annotations.OfType<WaitAnnotation>().Select(wait => WaitForAsync(wait, cancellationToken)));

    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        string[] ids;
        lock (_gate)
            ids = [.. _current.Values.Where(known => known.Resource == resource).Select(known => known.ResourceId)];

        return Task.WhenAll((ids.Length > 0 ? ids : [resource.Name]).Select(id => PublishUpdateAsync(resource, id, stateFactory)));
    }

    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_gate)
        {
            CustomResourceSnapshot before = _current.TryGetValue(resourceId, out ResourceEvent? known)
                ? known.Snapshot
                : new() { ResourceType = resource.GetType().Name, Properties = [] };
            ResourceEvent change = new(resource, resourceId, stateFactory(before));
            _current[resourceId] = change;
            foreach (Channel<ResourceEvent> watcher in _watchers)
                watcher.Writer.TryWrite(change);
        }

        return Task.CompletedTask;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (Channel<ResourceEvent> watcher in _watchers)
                watcher.Writer.TryComplete();
        }

        GC.SuppressFinalize(this);
    }

    internal IReadOnlyList<ResourceEvent> CurrentOf(IResource resource)
    {
        lock (_gate)
            return [.. _current.Values.Where(known => known.Resource == resource)];
    }

    internal ResourceEvent? SingleByName(string resourceName)
    {
        lock (_gate)
        {
            ResourceEvent[] instances = [.. _current.Values.Where(known => string.Equals(known.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase))];
            return instances is [var only] ? only : null;
        }
    }

    private Task WaitForAsync(WaitAnnotation wait, CancellationToken cancellationToken) =>
        Task.WhenAll(CurrentOf(wait.Resource).Select(async instance =>
        {
            bool stopWhenEnded = wait.WaitBehavior != WaitBehavior.WaitOnResourceUnavailable;
            ResourceEvent reached = await WaitForResourceAsync(instance.ResourceId, change => Satisfies(change, wait) || (change.Snapshot.IsTerminal && stopWhenEnded), cancellationToken).ConfigureAwait(false);
            if (!Satisfies(reached, wait))
                throw Ended(reached);
        }));

    private static bool Satisfies(ResourceEvent change, WaitAnnotation wait) => wait.WaitType switch
    {
        WaitType.WaitUntilHealthy => IsHealthy(change),
        WaitType.WaitUntilStarted => change.Snapshot.State?.Text == KnownResourceStates.Running,
        _ => change.Snapshot.IsTerminal && change.Snapshot.ExitCode == wait.ExitCode
    };

    private static bool IsHealthy(ResourceEvent change) => change.Snapshot.HealthStatus == HealthStatus.Healthy;

    private static bool Names(ResourceEvent change, string resourceName) =>
        string.Equals(change.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase)
        || string.Equals(change.ResourceId, resourceName, StringComparison.OrdinalIgnoreCase);

    private static DistributedApplicationException Ended(ResourceEvent last) =>
        new($"Resource '{last.ResourceId}' is in state {last.Snapshot.State?.Text}{(last.Snapshot.ExitCode is { } code ? $" with exit code {code}" : "")} and will not become available.");
}
