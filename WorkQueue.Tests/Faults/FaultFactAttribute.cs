using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>
/// A test that kills, freezes or cuts off real processes: needs a broker of the tests' own, on Linux. Each sets
/// <see cref="FactAttribute.Timeout"/>, so that a fault nobody recovers from fails the test instead of holding it up.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FaultFactAttribute : FactAttribute
{
    public FaultFactAttribute() =>
        Skip = OperatingSystem.IsLinux() ? OwnedBroker.Missing : "Kills processes as Linux does.";
}
