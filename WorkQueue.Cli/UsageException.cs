namespace WorkQueue.Cli;

/// <summary>The command line is wrong in a way that its grammar does not show.</summary>
internal sealed class UsageException(string message) : Exception(message);
