using System.Buffers;
using System.Globalization;
using System.Text;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>Turns the file name a task asks for into one that is safe in the output folder of any system, or rejects it.</summary>
internal static class OutputFileName
{
    // Most file systems stop at 255 bytes.
    public const int MaxBytes = 200;

    private const string Extension = ".pdf";

    // Refused on every system, so that a task does not depend on where its worker runs.
    private static readonly SearchValues<char> Unusable = SearchValues.Create("/\\:*?\"<>|");

    private static readonly HashSet<string> DeviceNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
        "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹", "COM²", "COM³",
        "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²", "LPT³",
    };

    /// <summary>The name to write, with <c>.pdf</c> at its end.</summary>
    /// <exception cref="TaskRejectedException">It is no plain file name.</exception>
    public static string Check(string? file)
    {
        if (string.IsNullOrWhiteSpace(file))
            throw new TaskRejectedException("The payload has no \"file\".");
        if (file.AsSpan().ContainsAny(Unusable))
            throw Rejected("must be a plain file name, without a folder and without any of / \\ : * ? \" < > |");
        if (file.EnumerateRunes().Any(IsInvisible))
            throw Rejected("must not hold control, formatting or broken characters");
        if (file[0] is '.' or ' ' || file[^1] is '.' or ' ')
            throw Rejected("must not start or end with a dot or a space");
        // Windows reads "nul.report.pdf" as the device too: what counts is the part before the first dot.
        if (DeviceNames.Contains(file.Split('.')[0].TrimEnd()))
            throw Rejected("must not be the name of a device");

        string name = file.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) ? file : file + Extension;
        if (Encoding.UTF8.GetByteCount(name) > MaxBytes)
            throw Rejected($"must not be longer than {MaxBytes} bytes with its {Extension}");
        return name;
    }

    // The replacement character stands for half a surrogate pair, which no file name can hold.
    private static bool IsInvisible(Rune rune) =>
        rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static TaskRejectedException Rejected(string rule) => new($"\"file\" {rule}.");
}
