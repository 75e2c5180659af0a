using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Worker.Handlers;

/// <summary>A setting that names a folder, which need not be there yet.</summary>
/// <param name="key">The whole key of the setting, for the error.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FolderAttribute(string key) : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) => value is not string { Length: > 0 } folder
        ? new($"{key} must name a folder.")
        : folder.AsSpan().ContainsAny(Path.GetInvalidPathChars())
            ? new($"{key} holds a character that a path cannot have.")
            : Path.IsPathFullyQualified(folder) && File.Exists(folder) ? new($"{key} is \"{folder}\", which is a file; it must be a folder.") : ValidationResult.Success;
}
