using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>The folder of the files that tasks make, <c>WorkQueue:Output</c>.</summary>
internal sealed class OutputFolder(IOptions<OutputOptions> options, IHostEnvironment environment)
{
    private readonly string _folder = Path.GetFullPath(options.Value.Output, environment.ContentRootPath);

    /// <summary>Writes a file, which appears complete or not at all: it is written beside its place and then moved there. One that is there is replaced.</summary>
    /// <param name="name">A plain file name.</param>
    /// <param name="write">Writes the content.</param>
    /// <returns>Its size in bytes.</returns>
    /// <exception cref="TaskRejectedException">The name is that of a link or of a folder.</exception>
    /// <exception cref="IOException">The file cannot be written now.</exception>
    public long Write(string name, Action<Stream> write)
    {
        string target = Path.Combine(_folder, name);
        Directory.CreateDirectory(_folder);
        RejectUnlessReplaceable(target);
        string unfinished = Path.Combine(_folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            long bytes = WriteNew(unfinished, write);
            // Replaces the name itself, so a link put there in the meantime is not followed.
            File.Move(unfinished, target, overwrite: true);
            return bytes;
        }
        finally
        {
            // Does nothing once the file has been moved.
            File.Delete(unfinished);
        }
    }

    private static void RejectUnlessReplaceable(string target)
    {
        if (new FileInfo(target).LinkTarget is not null)
            throw new TaskRejectedException($"The output folder has a link of the name {Path.GetFileName(target)}; links are not written to.");
        if (Directory.Exists(target))
            throw new TaskRejectedException($"The output folder has a folder of the name {Path.GetFileName(target)}.");
    }

    private static long WriteNew(string path, Action<Stream> write)
    {
        using var stream = new WatchedFile(path, FileMode.CreateNew, FileAccess.Write);
        try
        {
            write(stream);
        }
        catch (Exception failure) when (stream.Failure is not null && failure is not IOException)
        {
            throw new IOException(stream.Failure.Message, failure);
        }
        // On the disk before it gets its name: after a power cut the name must not stand for an empty file.
        stream.Flush(flushToDisk: true);
        return stream.Length;
    }
}

internal static class OutputFolderExtensions
{
    /// <summary>Adds the folder of the files that tasks make, with its setting.</summary>
    public static IHostApplicationBuilder AddOutputFolder(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<OutputOptions>().BindConfiguration(OutputOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<OutputFolder>();
        return builder;
    }
}
