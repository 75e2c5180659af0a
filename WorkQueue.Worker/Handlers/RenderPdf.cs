using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PdfSharp.Pdf;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>The payload of a <c>render-pdf</c> task.</summary>
/// <param name="Title">Printed above the text and set as the title of the document.</param>
/// <param name="Text">The text; its line ends are kept, long lines are wrapped.</param>
/// <param name="File">A plain file name; <c>.pdf</c> is added if missing. An existing file is replaced.</param>
internal sealed record RenderPdf(string? Title, string? Text, string? File);

/// <summary>
/// Renders a title and a text into a PDF in <c>WorkQueue:Output</c>. A second run replaces the file with the same content, so the
/// handler needs no memory of the first. The file appears complete or not at all: it is written beside its place and then moved there.
/// </summary>
internal sealed class RenderPdfHandler(IOptions<RenderPdfOptions> options, IHostEnvironment environment, TimeProvider clock)
    : ITaskHandler<RenderPdf>
{
    public const int MaxTitleLength = 500;
    public const int MaxTextLength = 5_000_000;

    // The document is in memory until it is written, some 20 KB a page.
    public const int MaxPages = 10_000;

    private readonly string _folder = Path.GetFullPath(options.Value.Output, environment.ContentRootPath);

    public Task<object?> HandleAsync(RenderPdf payload, TaskContext context)
    {
        string target = Path.Combine(_folder, OutputFileName.Check(payload.File));
        PdfPages pages = LayOut(payload);
        CancellationToken cancellationToken = context.CancellationToken;
        cancellationToken.ThrowIfCancellationRequested();

        Directory.CreateDirectory(_folder);
        RejectUnlessReplaceable(target);
        string unfinished = Path.Combine(_folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            long bytes = Write(pages, unfinished, cancellationToken);
            // Replaces the name itself, so a link put there in the meantime is not followed.
            File.Move(unfinished, target, overwrite: true);
            return Task.FromResult<object?>(new RenderPdfResult(Path.GetFileName(target), pages.Count, bytes));
        }
        finally
        {
            // Does nothing once the file has been moved.
            File.Delete(unfinished);
        }
    }

    private static PdfPages LayOut(RenderPdf payload)
    {
        if (string.IsNullOrWhiteSpace(payload.Title))
            throw new TaskRejectedException("The payload has no \"title\".");
        if (payload.Title.Length > MaxTitleLength)
            throw new TaskRejectedException($"\"title\" has {payload.Title.Length} characters; at most {MaxTitleLength} are allowed.");
        if (payload.Text is null)
            throw new TaskRejectedException("The payload has no \"text\".");
        if (payload.Text.Length > MaxTextLength)
            throw new TaskRejectedException($"\"text\" has {payload.Text.Length} characters; at most {MaxTextLength} are allowed.");
        var pages = new PdfPages(payload.Title, payload.Text);
        return pages.Count <= MaxPages ? pages : throw new TaskRejectedException($"\"text\" fills {pages.Count} pages; at most {MaxPages} are allowed.");
    }

    private static void RejectUnlessReplaceable(string target)
    {
        if (new FileInfo(target).LinkTarget is not null)
            throw new TaskRejectedException($"\"file\" names a link in the output folder ({Path.GetFileName(target)}); links are not written to.");
        if (Directory.Exists(target))
            throw new TaskRejectedException($"\"file\" names a folder in the output folder ({Path.GetFileName(target)}).");
    }

    private long Write(PdfPages pages, string path, CancellationToken cancellationToken)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        using PdfDocument document = pages.Draw(cancellationToken);
        document.Info.CreationDate = clock.GetUtcNow().UtcDateTime;
        cancellationToken.ThrowIfCancellationRequested();
        document.Save(stream);
        // On the disk before it gets its name: after a power cut the name must not stand for an empty file.
        stream.Flush(flushToDisk: true);
        return stream.Length;
    }
}

/// <summary>The result of a <c>render-pdf</c> task.</summary>
/// <param name="File">The name of the file in <c>WorkQueue:Output</c>.</param>
/// <param name="Pages">How many pages it has.</param>
/// <param name="Bytes">Its size.</param>
internal sealed record RenderPdfResult(string File, int Pages, long Bytes);

internal static class RenderPdfExtensions
{
    /// <summary>Adds what <see cref="RenderPdfHandler"/> needs: its settings.</summary>
    public static IHostApplicationBuilder AddPdfRendering(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<RenderPdfOptions>()
            .BindConfiguration(RenderPdfOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.TryAddSingleton(TimeProvider.System);
        return builder;
    }
}
