using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary><see cref="FaultFactAttribute"/> with PostgreSQL.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OutboxFaultFactAttribute : FactAttribute
{
    public OutboxFaultFactAttribute() => Skip = new FaultFactAttribute().Skip ?? PostgresServer.Missing;
}
