using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NetVips;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

public sealed class ResizeImageTests : IDisposable
{
    private readonly PictureFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    [Theory]
    [InlineData(200, 200, null, 200, 150, "200x200.inside")]
    [InlineData(200, 200, "inside", 200, 150, "200x200.inside")]
    [InlineData(100, 300, "inside", 100, 75, "100x300.inside")]
    [InlineData(800, 800, "inside", 400, 300, "800x800.inside")]
    [InlineData(100, null, null, 100, 75, "100x.inside")]
    [InlineData(null, 100, null, 133, 100, "x100.inside")]
    [InlineData(200, 200, "cover", 200, 200, "200x200.cover")]
    [InlineData(800, 800, "cover", 800, 800, "800x800.cover")]
    [InlineData(200, 200, "fill", 200, 200, "200x200.fill")]
    [InlineData(800, 10, "fill", 800, 10, "800x10.fill")]
    public async Task A_picture_gets_the_size_its_fit_asks_for_and_a_name_that_tells_it(int? width, int? height, string? fit, int newWidth, int newHeight, string name)
    {
        ResizeImageResult result = await _folders.ResizeAsync(new(_folders.Make("a.png", 400, 300), width, height, fit, "png"));
        using Image picture = _folders.Read(result);
        Assert.Equal((newWidth, newHeight, newWidth, newHeight), (picture.Width, picture.Height, result.Width, result.Height));
        Assert.Equal(($"a.png.{name}.png", _folders.Bytes(result).LongLength), (result.File, result.Bytes));
    }

    [Theory]
    [InlineData("inside", 0, 1, 2)]
    [InlineData("fill", 0, 1, 2)]
    [InlineData("cover", 1, 1, 1)]
    public async Task Cover_keeps_the_middle_and_the_others_the_whole(string fit, int left, int middle, int right)
    {
        using Image picture = _folders.Read(await _folders.ResizeAsync(new(_folders.Make("a.png", 600, 100), 90, 90, fit, "png")));
        Assert.Equal([left, middle, right], ((int[])[3, picture.Width / 2, picture.Width - 4]).Select(x => Brightest(picture, x, picture.Height / 2)));
    }

    [Theory]
    [InlineData("jpeg", ".jpg", "\u00ff\u00d8\u00ff")]
    [InlineData("png", ".png", "\u0089PNG")]
    [InlineData("webp", ".webp", "WEBP")]
    public async Task Each_format_is_written_as_what_it_is_called(string format, string suffix, string mark)
    {
        ResizeImageResult result = await _folders.ResizeAsync(new(_folders.Make("a.jpg", 300, 200), 90, 90, null, format));
        Assert.EndsWith(suffix, result.File, StringComparison.Ordinal);
        Assert.Contains(mark, System.Text.Encoding.Latin1.GetString(_folders.Bytes(result)[..16]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jpg")]
    [InlineData("a.png")]
    [InlineData("a.webp")]
    public async Task A_picture_is_known_by_its_content_whatever_its_name(string kind)
    {
        File.Move(Path.Combine(_folders.Input, _folders.Make(kind, 300, 200)), Path.Combine(_folders.Input, "photo"));
        Assert.Equal(150, (await _folders.ResizeAsync(new("photo", 150, 150, null, "jpeg"))).Width);
    }

    [Fact]
    public async Task What_is_transparent_is_white_in_a_format_without_transparency()
    {
        using (Image clear = Image.Black(90, 90, bands: 4).Copy(interpretation: Enums.Interpretation.Srgb))
            clear.WriteToFile(Path.Combine(_folders.Input, "clear.png"));
        using Image picture = _folders.Read(await _folders.ResizeAsync(new("clear.png", 30, 30, null, "jpeg")));
        Assert.All(picture.Getpoint(15, 15), band => Assert.InRange(band, 250, 255));
    }

    [Fact]
    public async Task A_picture_is_upright_and_says_no_more_of_its_camera()
    {
        _folders.Make("flat.jpg", 300, 200);
        using (Image flat = Image.NewFromFile(Path.Combine(_folders.Input, "flat.jpg")))
        using (Image turned = flat.Mutate(picture =>
        {
            picture.Set(GValue.GIntType, "orientation", 6);
            picture.Set(GValue.GStrType, "exif-ifd0-Model", "A camera");
        }))
            turned.WriteToFile(Path.Combine(_folders.Input, "turned.jpg"));
        Assert.Contains("A camera"u8.ToArray(), File.ReadAllBytes(Path.Combine(_folders.Input, "turned.jpg")));

        ResizeImageResult result = await _folders.ResizeAsync(new("turned.jpg", 150, 150, null, "jpeg"));
        Assert.Equal((100, 150), (result.Width, result.Height));
        Assert.DoesNotContain("A camera"u8.ToArray(), _folders.Bytes(result));
    }

    [Fact]
    public async Task A_second_run_replaces_the_file_and_leaves_nothing_else()
    {
        ResizeImage payload = new(_folders.Make("a.jpg", 300, 200), 90, 90, null, "webp");
        Assert.Equal(await _folders.ResizeAsync(payload), await _folders.ResizeAsync(payload));
        Assert.Equal(["a.jpg.90x90.inside.webp"], _folders.Written);
    }

    [Theory]
    [InlineData("inside")]
    [InlineData("cover")]
    public async Task Progress_is_reported_on_the_way_to_the_end(string fit)
    {
        var percents = new Reports();
        await _folders.ResizeAsync(new(_folders.Make("a.png", 2000, 3000), 90, 90, fit, "png"), Context() with { Run = percents });
        Assert.Equal(percents.Values.Order(), percents.Values);
        Assert.Contains(percents.Values, percent => percent is > 0 and < 100);
        Assert.InRange(percents.Values[^1], 90, 100);
    }

    [Theory]
    [InlineData("inside")]
    [InlineData("cover")]
    public async Task A_cancelled_run_ends_at_once_and_leaves_no_file(string fit)
    {
        using var stop = new CancellationTokenSource();
        var percents = new Reports(percent => { if (percent > 10) stop.Cancel(); });
        ResizeImage payload = new(_folders.Make("a.png", 2000, 3000), 90, 90, fit, "png");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _folders.ResizeAsync(payload, Context(stop.Token) with { Run = percents }));
        Assert.InRange(percents.Values[^1], 11, 80);
        Assert.Empty(_folders.Written);
    }

    [Theory]
    [InlineData("jpg")]
    [InlineData("png")]
    public async Task A_large_picture_is_never_whole_in_memory_and_many_leave_nothing_there(string kind)
    {
        // 99 MB of pixels (of more, libvips would put the whole on the disk); what it holds of them is counted while it works, and goes by the width.
        const long decoded = 3000L * 11_000 * 3;
        string picture = _folders.Make($"large.{kind}", 3000, 11_000);
        long before = Stats.Mem, most = 0;
        var watch = new Reports(_ => most = Math.Max(most, Stats.Mem));
        for (int run = 0; run < 6; run++)
            await _folders.ResizeAsync(new(picture, 300, 300, run % 2 == 0 ? "inside" : "cover", "jpeg"), Context() with { Run = watch });
        Assert.InRange(most - before, 1, decoded / 3);
        Assert.InRange(Stats.Mem - before, long.MinValue, decoded / 20);
    }

    [Theory]
    [InlineData("Source", "")]
    [InlineData("MaxBytes", "0")]
    [InlineData("MaxPixels", "-1")]
    public async Task A_wrong_setting_stops_the_start_and_is_named(string key, string value)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection([new($"WorkQueue:Images:{key}", value)]);
        builder.AddImageResizing();
        using IHost host = builder.Build();
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains($"WorkQueue:Images:{key}", failure.Message, StringComparison.Ordinal);
    }

    // Which of red, green and blue.
    private static int Brightest(Image picture, int x, int y)
    {
        double[] bands = picture.Getpoint(x, y);
        return Array.IndexOf(bands, bands.Max());
    }

    private sealed class Reports(Action<int>? then = null) : IProgressReport
    {
        public List<int> Values { get; } = [];

        public void Report(int percent, string? text)
        {
            Values.Add(percent);
            then?.Invoke(percent);
        }
    }
}
