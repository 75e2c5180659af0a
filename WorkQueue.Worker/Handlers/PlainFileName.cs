using System.Buffers;
using System.Globalization;
using System.Text;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>Takes the name of a file that a task asks for if it is safe in a folder of any system, or rejects it.</summary>
internal static class PlainFileName
{
    // Most file systems stop at 255 bytes.
    public const int MaxBytes = 200;

    // Refused on every system, so that a task does not depend on where its worker runs.
    private static readonly SearchValues<char> Unusable = SearchValues.Create("/\\:*?\"<>|");

    private static readonly HashSet<string> DeviceNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
        "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹", "COM²", "COM³",
        "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²", "LPT³",
    };

    /// <summary>The name, with the extension at its end.</summary>
    /// <param name="name">What the payload has.</param>
    /// <param name="key">The name of that field, for the reason of a rejection.</param>
    /// <param name="extension">Added if missing, with its dot; none by default.</param>
    /// <exception cref="TaskRejectedException">It is no plain file name.</exception>
    public static string Check(string? name, string key, string extension = "")
    {
        if (string.IsNullOrWhiteSpace(name))
            throw new TaskRejectedException($"The payload has no \"{key}\".");
        if (Misfit(name) is { } misfit)
            throw new TaskRejectedException($"\"{key}\" must {misfit}.");

        string full = name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? name : name + extension;
        return Encoding.UTF8.GetByteCount(full) <= MaxBytes
            ? full
            : throw new TaskRejectedException($"\"{key}\" must not be longer than {MaxBytes} bytes{(extension == "" ? "" : $" with its {extension}")}.");
    }

    private static string? Misfit(string name)
    {
        if (name.AsSpan().ContainsAny(Unusable))
            return "be a plain file name, without a folder and without any of / \\ : * ? \" < > |";
        if (name.EnumerateRunes().Any(IsInvisible))
            return "not hold control, formatting or broken characters";
        if (name[0] is '.' or ' ' || name[^1] is '.' or ' ')
            return "not start or end with a dot or a space";
        // Windows reads "nul.report.pdf" as the device too: what counts is the part before the first dot.
        return DeviceNames.Contains(name.Split('.')[0].TrimEnd()) ? "not be the name of a device" : null;
    }

    // The replacement character stands for half a surrogate pair, which no file name can hold.
    private static bool IsInvisible(Rune rune) =>
        rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
