namespace WorkQueue.Testing.Clocks;

/// <summary>
/// The run whose code is on this thread. It follows the code over every await and to other threads, as any <see cref="AsyncLocal{T}"/>, which tells each time a
/// thread comes to the code or leaves it.
/// </summary>
internal sealed class CurrentRun
{
    private readonly AsyncLocal<RunWatch?> _run = new(change =>
    {
        change.PreviousValue?.Leave();
        change.CurrentValue?.Enter();
    });

    public RunWatch? Value
    {
        get => _run.Value;
        set => _run.Value = value;
    }
}
