namespace WorkQueue.Worker.Handlers;

/// <summary>The two fonts of a rendered document, found among the fonts of the system when they are first needed.</summary>
internal sealed class PdfFonts(IReadOnlyList<string> folders)
{
    // In order of preference: the widest choice of scripts first.
    private static readonly (string Regular, string Bold)[] Families =
    [
        ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
        ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
        ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
        ("FreeSans.ttf", "FreeSansBold.ttf"),
        ("arial.ttf", "arialbd.ttf"),
        ("Arial.ttf", "Arial Bold.ttf"),
        ("segoeui.ttf", "segoeuib.ttf"),
    ];

    private readonly Lazy<(TrueTypeFont Regular, TrueTypeFont Bold)> _fonts =
        // Not kept when it fails: a font installed later is found by the next attempt.
        new(() => Find(folders), LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The font of the text.</summary>
    /// <exception cref="InvalidOperationException">The system has none of the known fonts.</exception>
    public TrueTypeFont Regular => _fonts.Value.Regular;

    /// <summary>The font of the title.</summary>
    /// <exception cref="InvalidOperationException">The system has none of the known fonts.</exception>
    public TrueTypeFont Bold => _fonts.Value.Bold;

    /// <summary>The folders where Linux, macOS and Windows keep fonts.</summary>
    public static IReadOnlyList<string> SystemFolders()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsWindows())
        {
            string local = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            return [Environment.GetFolderPath(Environment.SpecialFolder.Fonts), Path.Combine(local, "Microsoft", "Windows", "Fonts")];
        }
        if (OperatingSystem.IsMacOS())
            return ["/System/Library/Fonts", "/Library/Fonts", Path.Combine(home, "Library", "Fonts")];
        return
        [
            "/usr/share/fonts", "/usr/local/share/fonts", "/run/current-system/sw/share/X11/fonts",
            Path.Combine(home, ".local", "share", "fonts"), Path.Combine(home, ".fonts"),
        ];
    }

    private static (TrueTypeFont Regular, TrueTypeFont Bold) Find(IReadOnlyList<string> folders)
    {
        Dictionary<string, string> files = Index(folders);
        foreach ((string regularName, string boldName) in Families)
        {
            if (TryRead(files, regularName) is { } regular && TryRead(files, boldName) is { } bold)
                return (regular, bold);
        }
        if (Families.Select(family => TryRead(files, family.Regular)).FirstOrDefault(font => font is not null) is { } only)
            return (only, only);
        throw new InvalidOperationException(
            "No font to render a PDF with. Install the package fonts-dejavu-core (Debian, Ubuntu), dejavu-sans-fonts (Fedora) or " +
            $"font-dejavu (Alpine), or put DejaVuSans.ttf into one of: {string.Join(", ", folders)}.");
    }

    private static Dictionary<string, string> Index(IReadOnlyList<string> folders)
    {
        // The depth ends a search that links lead round in circles.
        var everywhere = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 8,
            IgnoreInaccessible = true,
            MatchCasing = MatchCasing.CaseInsensitive,
        };
        var files = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string file in folders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.ttf", everywhere)))
            files.TryAdd(Path.GetFileName(file), file);
        return files;
    }

    private static TrueTypeFont? TryRead(Dictionary<string, string> files, string name)
    {
        if (!files.TryGetValue(name, out string? path))
            return null;
        try
        {
            return TrueTypeFont.Read(Path.GetFileNameWithoutExtension(path).Replace(" ", "", StringComparison.Ordinal), File.ReadAllBytes(path));
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // The next family may do.
            return null;
        }
    }
}
