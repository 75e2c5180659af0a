namespace WorkQueue.Cli.Api;

/// <summary>A call that came to nothing; the message is for the user and says what to do.</summary>
internal sealed class ApiException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="Cli.ExitCode"/>.</summary>
    public int ExitCode => exitCode;

    /// <summary>The status of the answer; null where there was none.</summary>
    public int? Status { get; init; }

    /// <summary>The call may have been carried out all the same.</summary>
    public bool IsOutcomeUnknown { get; init; }

    /// <summary>The producer still reads its history, so that what it does not know it may know soon.</summary>
    public bool IsReplaying { get; init; }
}
