using Microsoft.Extensions.Options;
using NetVips;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

/// <summary>A folder of pictures to read, one to write into, and the handler between the two.</summary>
internal sealed class PictureFolders : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("resize-image-").FullName;

    public PictureFolders() => Directory.CreateDirectory(Input);

    public string Input => Path.Combine(_root, "input");

    public string Output => Path.Combine(_root, "output");

    public ResizeImageOptions Limits { get; } = new();

    public string[] Written => Directory.Exists(Output) ? [.. Directory.GetFileSystemEntries(Output).Select(path => Path.GetFileName(path))] : [];

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Makes a picture of three stripes, red, green and blue, with some noise, which no format can leave out.</summary>
    public string Make(string name, int width, int height, VOption? options = null)
    {
        using Image across = Image.Xyz(width, height)[0] * 3 / width;
        using Image left = across < 1, right = across >= 2, middle = (left | right) ^ 255;
        using Image stripes = left.Bandjoin(middle, right) * (200.0 / 255) + 25;
        using Image noise = stripes + Image.Gaussnoise(width, height, sigma: 8, mean: 0);
        using Image picture = noise.Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
        picture.WriteToFile(Path.Combine(Input, name), options);
        return name;
    }

    /// <summary>Leaves only the beginning of a file.</summary>
    public void Cut(string name)
    {
        using FileStream file = File.OpenWrite(Path.Combine(Input, name));
        file.SetLength(file.Length / 2);
    }

    public void Put(string name, byte[] content) => File.WriteAllBytes(Path.Combine(Input, name), content);

    public async Task<ResizeImageResult> ResizeAsync(ResizeImage payload, TaskContext? context = null) =>
        Assert.IsType<ResizeImageResult>(await RunAsync(payload, context));

    public Task<TaskRejectedException> RefusedAsync(ResizeImage payload) => Assert.ThrowsAsync<TaskRejectedException>(() => RunAsync(payload));

    public Image Read(ResizeImageResult result) => Image.NewFromBuffer(Bytes(result));

    public byte[] Bytes(ResizeImageResult result) => File.ReadAllBytes(Path.Combine(Output, result.File));

    private Task<object?> RunAsync(ResizeImage payload, TaskContext? context = null)
    {
        var environment = new HostEnvironment("Production", _root);
        var output = new OutputFolder(Options.Create(new OutputOptions()), environment);
        return new ResizeImageHandler(Options.Create(Limits), environment, output).HandleAsync(payload, context ?? Context());
    }
}
