namespace WorkQueue.Messaging;

/// <summary>Where a handler's reports of its progress go.</summary>
internal interface IProgressReport
{
    void Report(int percent, string? text);
}
