using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

internal enum Fit
{
    Inside,
    Cover,
    Fill,
}

/// <summary>How large a picture is to be.</summary>
/// <param name="Width">In pixels; null for any.</param>
/// <param name="Height">In pixels; null for any.</param>
/// <param name="Fit">What that means where the proportions are others.</param>
internal readonly record struct TargetSize(int? Width, int? Height, Fit Fit)
{
    // What a WebP can have.
    public const int MaxSide = 16_383;

    /// <summary>Reads what a task asks for.</summary>
    /// <exception cref="TaskRejectedException">It is missing, out of its range, or unknown.</exception>
    public static TargetSize Check(ResizeImage payload, int maxPixels)
    {
        Fit fit = payload.Fit switch
        {
            null or "inside" => Fit.Inside,
            "cover" => Fit.Cover,
            "fill" => Fit.Fill,
            _ => throw new TaskRejectedException("\"fit\" must be inside, cover or fill."),
        };
        if (payload.Width is < 1 or > MaxSide || payload.Height is < 1 or > MaxSide)
            throw new TaskRejectedException($"\"width\" and \"height\" must be between 1 and {MaxSide} pixels.");
        if (payload.Width is null && payload.Height is null)
            throw new TaskRejectedException("The payload has neither \"width\" nor \"height\".");
        if (fit != Fit.Inside && (payload.Width is null || payload.Height is null))
            throw new TaskRejectedException("\"fit\" cover and fill take both \"width\" and \"height\".");
        if (fit != Fit.Inside && (long)payload.Width!.Value * payload.Height!.Value > maxPixels)
            throw new TaskRejectedException($"\"width\" times \"height\" must be at most {maxPixels} pixels ({ResizeImageOptions.Section}:MaxPixels).");
        return new(payload.Width, payload.Height, fit);
    }

    /// <summary>As it stands in the name of the file.</summary>
    public override string ToString() => $"{Width}x{Height}.{Fit.ToString().ToLowerInvariant()}";
}
