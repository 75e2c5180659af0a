using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using NetVips;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;

namespace WorkQueue.Tests.Unit.Handlers;

/// <summary>What resize-image does not do, and the reason it gives.</summary>
public sealed class ResizeImageRefusalTests : IDisposable
{
    private const string Linked = """<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><image href="file:///etc/passwd" width="9" height="9"/></svg>""";

    private readonly PictureFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    [Fact]
    public async Task A_small_file_of_a_huge_picture_is_refused_by_its_header()
    {
        _folders.Put("bomb.png", Png(50_000, 50_000));
        await RefusedAsync(Small("bomb.png"), "bomb.png has 50000 x 50000 pixels; at most 50000000");
    }

    [Fact]
    public async Task The_limit_of_pixels_is_the_last_that_is_allowed()
    {
        string picture = _folders.Make("a.png", 300, 200);
        _folders.Limits.MaxPixels = 60_000;
        await _folders.ResizeAsync(Small(picture));
        _folders.Limits.MaxPixels = 59_999;
        await RefusedAsync(Small(picture), "WorkQueue:Images:MaxPixels");
    }

    [Theory]
    [InlineData("cut.jpg")]
    [InlineData("cut.png")]
    public async Task A_picture_that_is_cut_off_is_refused(string name)
    {
        _folders.Cut(_folders.Make(name, 900, 900));
        await RefusedAsync(Small(name), $"{name} is damaged or cut off");
        await RefusedAsync(Small(name) with { Fit = "cover" }, $"{name} is damaged or cut off");
    }

    [Fact]
    public async Task A_WebP_that_is_cut_off_is_refused()
    {
        _folders.Cut(_folders.Make("cut.webp", 300, 300));
        await RefusedAsync(Small("cut.webp"), "damaged");
    }

    [Theory]
    [InlineData("a.svg")]
    [InlineData("svg.png")]
    [InlineData("svg.jpg")]
    public async Task An_SVG_with_links_is_refused_whatever_its_name(string name)
    {
        _folders.Put(name, Encoding.UTF8.GetBytes(Linked));
        await RefusedAsync(Small(name), "an SVG, for one, may link to other files");
    }

    [Theory]
    [InlineData("a.gif")]
    [InlineData("a.tif")]
    [InlineData("a.v")]
    public async Task Other_formats_are_refused_by_their_content(string name)
    {
        string picture = _folders.Make(name, 90, 90);
        File.Move(Path.Combine(_folders.Input, picture), Path.Combine(_folders.Input, "a.png"));
        await RefusedAsync(Small("a.png"), "is no JPEG, PNG or WebP");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("../secret.png")]
    [InlineData("..")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/a.png")]
    [InlineData("..\\secret.png")]
    [InlineData("C:\\secret.png")]
    [InlineData(".hidden.png")]
    [InlineData("a.png[page=1]\0")]
    public async Task A_name_that_leads_out_of_the_folder_is_refused(string? name)
    {
        File.Copy(Path.Combine(_folders.Input, _folders.Make("a.png", 90, 90)), Path.Combine(_folders.Input, "..", "secret.png"));
        await RefusedAsync(Small(name), "\"source\"");
    }

    [Fact]
    public async Task A_link_is_refused_wherever_it_leads()
    {
        if (OperatingSystem.IsWindows())
            return; // Links need a privilege there.
        string picture = Path.Combine(_folders.Input, _folders.Make("a.png", 90, 90)), outside = Path.Combine(_folders.Input, "..", "secret.png");
        File.Copy(picture, outside);
        foreach (string target in (string[])[outside, picture, "/nowhere"])
        {
            File.CreateSymbolicLink(Path.Combine(_folders.Input, "link.png"), target);
            await RefusedAsync(Small("link.png"), "link.png is a link");
            File.Delete(Path.Combine(_folders.Input, "link.png"));
        }
    }

    [Fact]
    public async Task A_pipe_is_refused_and_not_waited_for()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using (Process made = Process.Start("mkfifo", [Path.Combine(_folders.Input, "pipe.png")]))
            await made.WaitForExitAsync();
        await Task.Run(() => RefusedAsync(Small("pipe.png"), "no regular file")).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_file_that_is_too_large_empty_a_folder_or_not_there_is_refused_with_the_reason()
    {
        string picture = _folders.Make("a.png", 300, 200);
        _folders.Put("empty.png", []);
        Directory.CreateDirectory(Path.Combine(_folders.Input, "folder.png"));
        _folders.Limits.MaxBytes = new FileInfo(Path.Combine(_folders.Input, picture)).Length;
        await _folders.ResizeAsync(Small(picture));
        _folders.Limits.MaxBytes--;
        Directory.Delete(_folders.Output, recursive: true);
        await RefusedAsync(Small(picture), $"at most {_folders.Limits.MaxBytes} are read (WorkQueue:Images:MaxBytes)");
        await RefusedAsync(Small("empty.png"), "empty.png is empty");
        await RefusedAsync(Small("folder.png"), "no file folder.png");
        await RefusedAsync(Small("missing.png"), "no file missing.png");
    }

    [Theory]
    [InlineData(0, 9, null, "png", "\"width\"")]
    [InlineData(9, -1, null, "png", "\"height\"")]
    [InlineData(16_384, 9, null, "png", "16383")]
    [InlineData(null, null, null, "png", "neither \"width\" nor \"height\"")]
    [InlineData(9, null, "cover", "png", "both \"width\" and \"height\"")]
    [InlineData(null, 9, "fill", "png", "both \"width\" and \"height\"")]
    [InlineData(16_000, 16_000, "fill", "png", "WorkQueue:Images:MaxPixels")]
    [InlineData(9, 9, "contain", "png", "inside, cover or fill")]
    [InlineData(9, 9, "Cover", "png", "inside, cover or fill")]
    [InlineData(9, 9, null, "avif", "jpeg, png or webp")]
    [InlineData(9, 9, null, ".png", "jpeg, png or webp")]
    [InlineData(9, 9, null, null, "jpeg, png or webp")]
    public async Task A_payload_that_asks_for_nothing_that_can_be_is_refused_by_the_field(int? width, int? height, string? fit, string? format, string reason) =>
        await RefusedAsync(new(_folders.Make("a.png", 90, 90), width, height, fit, format), reason);

    [Fact]
    public async Task A_source_folder_that_is_not_there_is_no_fault_of_the_task()
    {
        Directory.Delete(_folders.Input, recursive: true);
        DirectoryNotFoundException failure = await Assert.ThrowsAsync<DirectoryNotFoundException>(() => _folders.ResizeAsync(Small("a.png")));
        Assert.Contains("WorkQueue:Images:Source", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_error_of_a_disk_is_told_from_that_of_a_picture()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var full = new WatchedFile("/dev/full", FileMode.Open, FileAccess.Write);
        using Image picture = Image.NewFromFile(Path.Combine(_folders.Input, _folders.Make("a.png", 900, 900)));
        Assert.Throws<VipsException>(() => Pictures.Write(picture, full, ".png"));
        Assert.NotNull(full.Failure);

        // Nothing is mapped at its beginning.
        using var unreadable = new WatchedFile("/proc/self/mem", FileMode.Open, FileAccess.Read);
        Assert.Throws<TaskRejectedException>(() => Pictures.Open(unreadable, "mem", 1));
        Assert.NotNull(unreadable.Failure);
    }

    private static ResizeImage Small(string? source) => new(source, 50, 50, null, "png");

    private async Task RefusedAsync(ResizeImage payload, string reason)
    {
        string[] before = _folders.Written;
        TaskRejectedException rejection = await _folders.RefusedAsync(payload);
        Assert.Contains(reason, rejection.Message, StringComparison.Ordinal);
        Assert.Equal(before, _folders.Written);
    }

    /// <summary>A PNG that says it is this large, and has next to nothing in it.</summary>
    private static byte[] Png(int width, int height)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        using var pixels = new MemoryStream();
        using (var zip = new ZLibStream(pixels, CompressionLevel.Optimal, leaveOpen: true))
            zip.Write(new byte[100_000]);
        return [0x89, .. "PNG\r\n\u001a\n"u8, .. Chunk("IHDR", header), .. Chunk("IDAT", pixels.ToArray()), .. Chunk("IEND", [])];
    }

    private static byte[] Chunk(string type, byte[] content)
    {
        byte[] checkedPart = [.. Encoding.ASCII.GetBytes(type), .. content];
        byte[] length = new byte[4], sum = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(sum, Crc(checkedPart));
        return [.. length, .. checkedPart, .. sum];
    }

    private static uint Crc(byte[] bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte part in bytes)
        {
            sum ^= part;
            for (int bit = 0; bit < 8; bit++)
                sum = (sum & 1) == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB88320;
        }
        return ~sum;
    }
}
