using WorkQueue.Tests.EndToEnd;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Wire;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("WorkQueue.Tests.Support.LongestFirst", "WorkQueue.Tests")]

namespace WorkQueue.Tests.Support;

/// <summary>
/// Starts the collections that take minutes before those that take seconds: each is one chain, and one begun late keeps the whole run waiting
/// while the other threads have nothing left.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] _longest =
    [
        OwnSystemTests.Name, BrokerTests.Name, SideFaults.Name, SystemTests.Name, MoreBrokerTests.Name,
        NameOf<BrokerMoveTests>(), NameOf<SecureClusterTests>(), NameOf<BackupTests>(), ManagedBrokerTests.Name, NameOf<WireRecording>(),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Array.IndexOf(_longest, collection.DisplayName) is var place and >= 0 ? place : _longest.Length);

    // What xunit calls a class that is in no collection.
    private static string NameOf<T>() => $"Test collection for {typeof(T).FullName}";
}
