using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Worker.Handlers;

/// <summary>Where <c>render-pdf</c> writes.</summary>
internal sealed class RenderPdfOptions : IValidatableObject
{
    public const string Section = "WorkQueue";

    /// <summary>
    /// <c>WorkQueue:Output</c>: the folder the files are written into, made when it is missing. A relative path counts from the
    /// content root of the worker. Default <c>output</c>.
    /// </summary>
    [Required(ErrorMessage = "WorkQueue:Output must name a folder.")]
    public string Output { get; set; } = "output";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Output.AsSpan().IndexOfAny(Path.GetInvalidPathChars()) >= 0)
            yield return new($"{Section}:Output holds a character that a path cannot have.", [nameof(Output)]);
        else if (Path.IsPathFullyQualified(Output) && File.Exists(Output))
            yield return new($"{Section}:Output is \"{Output}\", which is a file; it must be a folder.", [nameof(Output)]);
    }
}
