namespace WorkQueue.Worker.Handlers;

/// <summary>Where the files go that tasks make.</summary>
internal sealed class OutputOptions
{
    public const string Section = "WorkQueue";

    /// <summary>
    /// <c>WorkQueue:Output</c>: the folder the files are written into, made when it is missing. A relative path counts from the
    /// content root of the worker. Default <c>output</c>.
    /// </summary>
    [Folder(Section + ":Output")]
    public string Output { get; set; } = "output";
}
