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
/// handler needs no memory of the first.
/// </summary>
internal sealed class RenderPdfHandler(OutputFolder output, TimeProvider clock) : ITaskHandler<RenderPdf>
{
    public const int MaxTitleLength = 500;
    public const int MaxTextLength = 5_000_000;

    // The document is in memory until it is written, some 20 KB a page.
    public const int MaxPages = 10_000;

    public Task<object?> HandleAsync(RenderPdf payload, TaskContext context)
    {
        string name = PlainFileName.Check(payload.File, "file", ".pdf");
        PdfPages pages = LayOut(payload);
        CancellationToken cancellationToken = context.CancellationToken;
        cancellationToken.ThrowIfCancellationRequested();

        long bytes = output.Write(name, stream => Write(pages, stream, cancellationToken));
        return Task.FromResult<object?>(new RenderPdfResult(name, pages.Count, bytes));
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

    private void Write(PdfPages pages, Stream stream, CancellationToken cancellationToken)
    {
        using PdfDocument document = pages.Draw(cancellationToken);
        document.Info.CreationDate = clock.GetUtcNow().UtcDateTime;
        cancellationToken.ThrowIfCancellationRequested();
        document.Save(stream);
    }
}

/// <summary>The result of a <c>render-pdf</c> task.</summary>
/// <param name="File">The name of the file in <c>WorkQueue:Output</c>.</param>
/// <param name="Pages">How many pages it has.</param>
/// <param name="Bytes">Its size.</param>
internal sealed record RenderPdfResult(string File, int Pages, long Bytes);
