using NetVips;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>What is done with pictures, by libvips: in strips, so that a large one takes little memory.</summary>
internal static class Pictures
{
    private static readonly Dictionary<string, string> Suffixes = new() { ["jpeg"] = ".jpg", ["png"] = ".png", ["webp"] = ".webp" };

    // libvips has its settings for the whole process.
    static Pictures()
    {
        // Whatever else it can read (SVG, TIFF, GIF, HEIF…) is refused by its content: less to attack, and nothing that names other files.
        Operation.Block("VipsForeignLoad", true);
        foreach (string format in (string[])["Jpeg", "Png", "Webp"])
            Operation.Block($"VipsForeignLoad{format}", false);
        // No picture comes twice, and a worker runs as many tasks at once as it has slots.
        Cache.Max = 0;
        NetVips.NetVips.Concurrency = 1;
        // It warns on the console of what it also fails for, a line for each strip.
        NetVips.Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning, (_, _, _) => { });
    }

    /// <summary>The end of the file's name for a format.</summary>
    /// <exception cref="TaskRejectedException">There is no such format.</exception>
    public static string Suffix(string? format) => Suffixes.GetValueOrDefault(format ?? "") ?? throw new TaskRejectedException("\"format\" must be jpeg, png or webp.");

    /// <summary>Reads the beginning of a picture; of an animation, its first.</summary>
    /// <exception cref="TaskRejectedException">It is none that is read here, or has too many pixels.</exception>
    public static Image Open(Stream file, string name, int maxPixels)
    {
        Image picture;
        try
        {
            picture = Image.NewFromStream(file, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error);
        }
        catch (VipsException failure)
        {
            throw new TaskRejectedException($"{name} is no JPEG, PNG or WebP by its content, or damaged at its beginning. Other formats are not read; an SVG, for one, may link to other files.", failure);
        }
        if ((long)picture.Width * picture.Height <= maxPixels)
            return picture;
        using (picture)
            throw new TaskRejectedException($"{name} has {picture.Width} x {picture.Height} pixels; at most {maxPixels} are read ({ResizeImageOptions.Section}:MaxPixels).");
    }

    /// <summary>The picture in another size. The pixels are computed when it is written.</summary>
    /// <exception cref="VipsException">The picture is damaged.</exception>
    public static Image Resize(Image picture, TargetSize size) => picture.ThumbnailImage(
        size.Width ?? TargetSize.MaxSide,
        height: size.Height ?? TargetSize.MaxSide,
        size: size.Fit switch { Fit.Inside => Enums.Size.Down, Fit.Cover => Enums.Size.Both, _ => Enums.Size.Force },
        crop: size.Fit == Fit.Cover ? Enums.Interesting.Centre : null,
        outputProfile: "srgb");

    /// <summary>Writes a picture, on white where the format has no transparency.</summary>
    /// <exception cref="VipsException">The picture is damaged, or the stream fails.</exception>
    public static void Write(Image picture, Stream stream, string suffix) =>
        picture.WriteToStream(stream, suffix, new VOption { { "keep", Enums.ForeignKeep.None }, { "background", new double[] { 255 } } });
}
