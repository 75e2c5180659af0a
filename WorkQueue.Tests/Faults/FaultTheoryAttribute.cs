namespace WorkQueue.Tests.Faults;

/// <summary>As <see cref="FaultFactAttribute"/>, in several sizes.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FaultTheoryAttribute : TheoryAttribute
{
    public FaultTheoryAttribute() => Skip = new FaultFactAttribute().Skip;
}
