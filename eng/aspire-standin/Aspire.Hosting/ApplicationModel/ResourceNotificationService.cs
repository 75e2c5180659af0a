using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The state of every instance of every resource, and its changes.</summary>
public sealed class ResourceNotificationService : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResourceEvent> _current = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Channel<ResourceEvent>> _watchers = [];
    private bool _disposed;

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
            if (IsNamed(change, resourceName) && predicate(change))
                return change;
        }

        throw new OperationCanceledException("The application stopped before the resource reached the awaited state.");
    }

    /// <summary>Throws when the resource has ended, because then it will not become healthy.</summary>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default)
    {
        ResourceEvent reached = await WaitForResourceAsync(
            resourceName, change => change.Snapshot.HealthStatus == HealthStatus.Healthy || change.Snapshot.HasEnded, cancellationToken).ConfigureAwait(false);
        return !reached.Snapshot.HasEnded ? reached : throw new DistributedApplicationException(
            $"Resource '{reached.ResourceId}' is in state {reached.Snapshot.State?.Text}{(reached.Snapshot.ExitCode is { } code ? $" with exit code {code}" : "")} and will not become available.");
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (Channel<ResourceEvent> watcher in _watchers)
                watcher.Writer.TryComplete();
        }
    }

    internal void Publish(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> change)
    {
        lock (_gate)
        {
            ResourceEvent changed = new(resource, resourceId, change(_current.TryGetValue(resourceId, out ResourceEvent? known) ? known.Snapshot : new()));
            _current[resourceId] = changed;
            foreach (Channel<ResourceEvent> watcher in _watchers)
                watcher.Writer.TryWrite(changed);
        }
    }

    /// <summary>The instance with this id, or every instance of the resource with this name.</summary>
    internal ResourceEvent[] Named(string name)
    {
        lock (_gate)
            return [.. _current.Values.Where(known => IsNamed(known, name))];
    }

    private static bool IsNamed(ResourceEvent change, string name) =>
        string.Equals(change.Resource.Name, name, StringComparison.OrdinalIgnoreCase) || string.Equals(change.ResourceId, name, StringComparison.OrdinalIgnoreCase);
}
