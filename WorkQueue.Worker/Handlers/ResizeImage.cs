using Microsoft.Extensions.Options;
using NetVips;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>The payload of a <c>resize-image</c> task.</summary>
/// <param name="Source">A plain file name in <c>WorkQueue:Images:Source</c>; the content tells what it is: JPEG, PNG or WebP.</param>
/// <param name="Width">In pixels, 1 to 16383. May be missing for <c>inside</c>: any.</param>
/// <param name="Height">As the width; one of the two there must be.</param>
/// <param name="Fit">
/// <c>inside</c> (the default): as large as fits, in its own proportions, never larger than it was; <c>cover</c>: exactly this large, what
/// goes over is cut on both sides; <c>fill</c>: exactly this large, in other proportions.
/// </param>
/// <param name="Format">jpeg, png or webp.</param>
internal sealed record ResizeImage(string? Source, int? Width = null, int? Height = null, string? Fit = null, string? Format = null);

/// <summary>
/// Writes a picture in another size into <c>WorkQueue:Output</c>. The file's name tells what it is of, so a second run replaces it with
/// the same content. It is upright, in sRGB, and without what a camera notes (places, times).
/// </summary>
internal sealed class ResizeImageHandler(IOptions<ResizeImageOptions> options, IHostEnvironment environment, OutputFolder output) : ITaskHandler<ResizeImage>
{
    private readonly ResizeImageOptions _options = options.Value;
    private readonly string _folder = Path.GetFullPath(options.Value.Source, environment.ContentRootPath);

    public Task<object?> HandleAsync(ResizeImage payload, TaskContext context)
    {
        string source = PlainFileName.Check(payload.Source, "source");
        TargetSize size = TargetSize.Check(payload, _options.MaxPixels);
        string suffix = Pictures.Suffix(payload.Format);
        context.CancellationToken.ThrowIfCancellationRequested();

        using WatchedFile file = Open(source);
        try
        {
            using Image picture = Pictures.Open(file, source, _options.MaxPixels);
            // By what is read: libvips tells of its own progress only now and then, for a small result not once.
            file.Progress = percent => context.ReportProgress(percent, "resizing");
            using CancellationTokenRegistration kill = context.CancellationToken.Register(() => picture.SetKill(true));
            using Image resized = Pictures.Resize(picture, size);
            string name = $"{source}.{size}{suffix}";
            long bytes = output.Write(name, stream =>
            {
                Pictures.Write(resized, stream, suffix);
                // The encoder may have had all pixels by then.
                context.CancellationToken.ThrowIfCancellationRequested();
            });
            return Task.FromResult<object?>(new ResizeImageResult(name, resized.Width, resized.Height, bytes));
        }
        catch (Exception failure) when (failure is VipsException or TaskRejectedException && file.Failure is not null)
        {
            throw new IOException(file.Failure.Message, failure);
        }
        catch (VipsException failure)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            string reason = failure.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Trim();
            // Neither is a fault of the picture: another time or on another machine there may be enough.
            if (reason.Contains("memory", StringComparison.OrdinalIgnoreCase) || reason.Contains("thread", StringComparison.OrdinalIgnoreCase))
                throw;
            throw new TaskRejectedException($"{source} is damaged or cut off, or cannot be brought to this size: {reason}", failure);
        }
    }

    private WatchedFile Open(string source)
    {
        // No fault of the task: a share may come back.
        if (!Directory.Exists(_folder))
            throw new DirectoryNotFoundException($"{ResizeImageOptions.Section}:Source is \"{_folder}\", and there is no such folder; make it, or set another.");
        var file = new FileInfo(Path.Combine(_folder, source));
        if (file.LinkTarget is not null)
            throw new TaskRejectedException($"{source} is a link; links are not followed.");
        if (!file.Exists)
            throw new TaskRejectedException($"There is no file {source} in the folder of the pictures.");
        // A pipe or a device has no length: to open one may block for ever.
        if (file.Length == 0)
            throw new TaskRejectedException($"{source} is empty, or no regular file.");
        if (file.Length > _options.MaxBytes)
            throw new TaskRejectedException($"{source} has {file.Length} bytes; at most {_options.MaxBytes} are read ({ResizeImageOptions.Section}:MaxBytes).");
        return new WatchedFile(file.FullName, FileMode.Open, FileAccess.Read);
    }
}

/// <summary>The result of a <c>resize-image</c> task.</summary>
/// <param name="File">The name of the file in <c>WorkQueue:Output</c>.</param>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="Bytes">Its size.</param>
internal sealed record ResizeImageResult(string File, int Width, int Height, long Bytes);

internal static class ResizeImageExtensions
{
    /// <summary>Adds the settings of <see cref="ResizeImageHandler"/>.</summary>
    public static IHostApplicationBuilder AddImageResizing(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ResizeImageOptions>().BindConfiguration(ResizeImageOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        return builder;
    }
}
