namespace WorkQueue.Cli;

/// <summary>The exit codes of <c>wq</c>, the same for every verb.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>The task failed or was cancelled, a line was rejected, or the producer refused the call.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong; nothing was sent.</summary>
    public const int Usage = 2;

    /// <summary>Not reachable, broker away, queue full or outcome unknown: try again.</summary>
    public const int TryAgain = 3;

    public const int NotFound = 4;

    /// <summary>A wait was over before the task ended; the one of timeout(1).</summary>
    public const int TimedOut = 124;

    /// <summary>Ctrl+C, where it ends something unfinished; the one of shells.</summary>
    public const int Interrupted = 130;

    /// <summary>For <c>--help</c>.</summary>
    public const string Help =
        """
        Exit codes:
          0    done
          1    the task failed or was cancelled, a line was rejected, or the producer refused
          2    the command line is wrong; nothing was sent
          3    producer or broker not reachable, queue full, or outcome unknown: try again
          4    not found
          124  the wait was over before the task ended
          130  interrupted
        """;
}
