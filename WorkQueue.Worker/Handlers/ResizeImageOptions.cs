using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Worker.Handlers;

/// <summary>What <c>resize-image</c> reads, and its limits.</summary>
internal sealed class ResizeImageOptions
{
    public const string Section = "WorkQueue:Images";

    /// <summary>
    /// The folder of the pictures; nothing outside of it is read, and nothing in folders below it. A relative path counts from the content
    /// root of the worker. Default <c>input</c>.
    /// </summary>
    [Folder(Section + ":Source")]
    public string Source { get; set; } = "input";

    /// <summary>The most bytes a picture's file may have, up to 4 GiB. Default 50 MiB.</summary>
    [Range(1, 4L << 30, ErrorMessage = Section + ":MaxBytes must be between 1 and 4294967296.")]
    public long MaxBytes { get; set; } = 50 << 20;

    /// <summary>
    /// The most pixels a picture may have, before and after, up to a thousand million. A picture whose format is not read line by line (WebP, PNG and
    /// JPEG that show themselves step by step) takes some 4 to 8 bytes of memory for each. Default 50 million.
    /// </summary>
    [Range(1, 1_000_000_000, ErrorMessage = Section + ":MaxPixels must be between 1 and 1000000000.")]
    public int MaxPixels { get; set; } = 50_000_000;
}
