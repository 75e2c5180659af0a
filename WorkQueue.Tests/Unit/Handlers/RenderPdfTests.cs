using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

public sealed class RenderPdfTests : IDisposable
{
    private static readonly string Words = string.Join(' ', Enumerable.Range(1, 3000).Select(number => $"word{number}"));

    private readonly string _root = Directory.CreateTempSubdirectory("render-pdf-").FullName;

    private string Output => Path.Combine(_root, "output");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task A_rendered_document_has_its_title_text_and_page_number()
    {
        (RenderPdfResult result, ReadPdf pdf) = await RenderAsync(new("Invoice 42", "Dear customer,\n\nthank you.", "invoice.pdf"));
        Assert.Equal("Invoice 42", pdf.Title);
        Assert.Equal(["Invoice 42", "Dear customer,", "thank you.", "1 / 1"], Assert.Single(pdf.Pages));
        Assert.Equal(("invoice.pdf", 1, new FileInfo(PathOf(result)).Length), (result.File, result.Pages, result.Bytes));
        Assert.InRange(result.Bytes, 2_000, 100_000);
    }

    [Fact]
    public async Task A_long_text_is_wrapped_between_words_and_goes_on_over_numbered_pages()
    {
        (RenderPdfResult result, ReadPdf pdf) = await RenderAsync(new("Long", Words, "long"));
        Assert.InRange(result.Pages, 4, 20);
        Assert.Equal(result.Pages, pdf.Pages.Count);
        Assert.Equal(Enumerable.Range(1, result.Pages).Select(number => $"{number} / {result.Pages}"), pdf.Pages.Select(page => page[^1]));
        IEnumerable<string> lines = pdf.Pages.SelectMany((page, number) => page.Skip(number == 0 ? 1 : 0).SkipLast(1));
        Assert.Equal(Words, string.Join(' ', lines));
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 120));
    }

    [Fact]
    public async Task A_word_longer_than_a_line_is_cut_and_nothing_of_it_is_lost()
    {
        string word = string.Concat(Enumerable.Range(0, 2000).Select(number => (char)('a' + number % 26)));
        (_, ReadPdf pdf) = await RenderAsync(new("Word", "short " + word + " end", "word"));
        Assert.True(pdf.Pages[0].Count > 15);
        Assert.Equal("short" + word + " end", string.Concat(pdf.Pages.SelectMany(page => page.Skip(1).SkipLast(1))));
    }

    [Theory]
    [InlineData("Grüße, ćma, Ελληνικά, Привет, “quotes” – €")]
    [InlineData("日本語のテキスト 한국어 中文")]
    [InlineData("emoji 😀 👩‍👩‍👧 and عربي and עברית and हिन्दी")]
    [InlineData("half a pair \ud800, a null \0, a bell \a, marks e\u0301, a \u202e override, \ufffe")]
    [InlineData("\u2028\u2029\r\n\r\f\u0085\t")]
    [InlineData("")]
    public async Task Any_text_is_rendered_without_an_error(string text)
    {
        (_, ReadPdf pdf) = await RenderAsync(new("Title: " + text, text, "any"));
        Assert.StartsWith("Title:", pdf.Pages[0][0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_font_can_show_can_be_searched_and_copied()
    {
        const string text = "Grüße, ćma, Ελληνικά, Привет, “quotes” – €, 😀";
        (_, ReadPdf pdf) = await RenderAsync(new("T", text, "u"));
        Assert.Equal(text, pdf.Pages[0][1]);
    }

    [Fact]
    public async Task A_title_that_looks_like_pdf_syntax_stays_a_title()
    {
        const string title = "a) /Title (b) >> endobj \\ <FE> 日本";
        (_, ReadPdf pdf) = await RenderAsync(new(title, "text", "syntax"));
        Assert.Equal(title, pdf.Title);
    }

    [Theory]
    [InlineData("a.pdf", "a.pdf")]
    [InlineData("a", "a.pdf")]
    [InlineData("A.PDF", "A.PDF")]
    [InlineData("report.2026", "report.2026.pdf")]
    [InlineData("Größe (1) & mehr", "Größe (1) & mehr.pdf")]
    [InlineData("CONTRACT", "CONTRACT.pdf")]
    [InlineData("a..b", "a..b.pdf")]
    public void A_plain_name_is_kept_and_gets_its_extension(string file, string name) => Assert.Equal(name, PlainFileName.Check(file, "file", ".pdf"));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../evil")]
    [InlineData("..\\evil")]
    [InlineData("a/../../evil.pdf")]
    [InlineData("sub/a.pdf")]
    [InlineData("sub\\a.pdf")]
    [InlineData("/etc/passwd")]
    [InlineData("C:\\evil.pdf")]
    [InlineData("C:evil.pdf")]
    [InlineData("\\\\server\\share\\a.pdf")]
    [InlineData("//server/share")]
    [InlineData("a.pdf:stream")]
    [InlineData(".hidden")]
    [InlineData("trailing.")]
    [InlineData("trailing ")]
    [InlineData(" leading")]
    [InlineData("nul")]
    [InlineData("NUL.pdf")]
    [InlineData("con.report.pdf")]
    [InlineData("COM1")]
    [InlineData("lpt9 .txt")]
    [InlineData("COM².pdf")]
    [InlineData("a\0.pdf")]
    [InlineData("a\n.pdf")]
    [InlineData("a\u007f.pdf")]
    [InlineData("a\u202efdp.pdf")]
    [InlineData("a\u200b.pdf")]
    [InlineData("a\ud800.pdf")]
    [InlineData("a*.pdf")]
    [InlineData("a?.pdf")]
    public async Task A_name_that_is_not_plain_is_rejected_and_nothing_is_written(string? file)
    {
        await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new("t", "x", file), Context()));
        Assert.Empty(Directory.GetFileSystemEntries(_root));
    }

    [Fact]
    public void A_name_that_is_too_long_is_rejected()
    {
        Assert.Equal(200, PlainFileName.Check(new string('a', 196), "file", ".pdf").Length);
        Assert.Throws<TaskRejectedException>(() => PlainFileName.Check(new string('a', 197), "file", ".pdf"));
        Assert.Throws<TaskRejectedException>(() => PlainFileName.Check(new string('ü', 99), "file", ".pdf"));
    }

    [Theory]
    [InlineData(null, "text", "title")]
    [InlineData(" ", "text", "title")]
    [InlineData("title", null, "text")]
    public async Task A_missing_title_or_text_is_rejected_by_name(string? title, string? text, string missing)
    {
        TaskRejectedException rejection = await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new(title, text, "a"), Context()));
        Assert.Contains($"\"{missing}\"", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_title_or_text_beyond_its_limit_is_rejected()
    {
        string title = new('t', RenderPdfHandler.MaxTitleLength + 1), text = new('t', RenderPdfHandler.MaxTextLength + 1);
        await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new(title, "x", "a"), Context()));
        await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new("t", text, "a"), Context()));
    }

    [Fact]
    public async Task The_longest_title_still_leaves_room_for_text()
    {
        (_, ReadPdf pdf) = await RenderAsync(new(new string('W', RenderPdfHandler.MaxTitleLength), "the text", "wide"));
        Assert.Equal("the text", pdf.Pages[0][^2]);
    }

    [Fact]
    public async Task A_second_run_replaces_the_file_and_leaves_nothing_else()
    {
        (RenderPdfResult first, _) = await RenderAsync(new("First", Words, "same"));
        (RenderPdfResult second, ReadPdf pdf) = await RenderAsync(new("Second", "short", "same"));
        Assert.Equal((first.File, 1, "Second"), (second.File, second.Pages, pdf.Title));
        Assert.Equal([PathOf(first)], Directory.GetFileSystemEntries(Output));
    }

    [Fact]
    public async Task A_cancelled_run_leaves_the_old_file_whole_and_nothing_else()
    {
        (RenderPdfResult first, _) = await RenderAsync(new("First", "text", "kept"));
        byte[] before = await File.ReadAllBytesAsync(PathOf(first));
        using var stop = new CancellationTokenSource();
        // The clock is read once, for the date of the document, when all its pages are written.
        RenderPdfHandler handler = Handler(new CancellingClock(stop));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => handler.HandleAsync(new("Second", Words, "kept"), Context(stop.Token)));
        Assert.Equal(before, await File.ReadAllBytesAsync(PathOf(first)));
        Assert.Equal([PathOf(first)], Directory.GetFileSystemEntries(Output));
    }

    [Fact]
    public async Task Readers_see_the_old_file_or_the_new_one_but_never_a_part()
    {
        (RenderPdfResult first, _) = await RenderAsync(new("Old", "old", "read"));
        await using FileStream open = File.Open(PathOf(first), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        await RenderAsync(new("New", Words, "read"));
        using var content = new MemoryStream();
        await open.CopyToAsync(content);
        Assert.Equal("Old", new ReadPdf(content.ToArray()).Title);
    }

    [Fact]
    public async Task A_link_in_the_output_folder_is_not_written_through()
    {
        if (OperatingSystem.IsWindows())
            return; // Links need a privilege there.
        Directory.CreateDirectory(Output);
        string outside = Path.Combine(_root, "outside.txt");
        await File.WriteAllTextAsync(outside, "untouched");
        File.CreateSymbolicLink(Path.Combine(Output, "link.pdf"), outside);
        File.CreateSymbolicLink(Path.Combine(Output, "dangling.pdf"), Path.Combine(_root, "new.txt"));

        foreach (string file in (string[])["link", "dangling"])
            await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new("t", "x", file), Context()));
        Assert.Equal("untouched", await File.ReadAllTextAsync(outside));
        Assert.False(File.Exists(Path.Combine(_root, "new.txt")));
    }

    [Fact]
    public async Task A_folder_of_the_same_name_is_a_rejection()
    {
        Directory.CreateDirectory(Path.Combine(Output, "folder.pdf"));
        await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new("t", "x", "folder"), Context()));
    }

    [Fact]
    public async Task A_text_of_too_many_pages_is_rejected()
    {
        TaskRejectedException rejection = await Assert.ThrowsAsync<TaskRejectedException>(() => Handler().HandleAsync(new("t", new string('\n', 1_000_000), "a"), Context()));
        Assert.Contains($"at most {RenderPdfHandler.MaxPages}", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fonts_are_our_own_whatever_the_machine_has()
    {
        (_, ReadPdf pdf) = await RenderAsync(new("Title", "text", "fonts"));
        Assert.Equal(["DejaVu Sans,Bold", "DejaVu Sans"], pdf.Fonts);
        Assert.All((string[])["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"], font => Assert.Contains(font, typeof(RenderPdf).Assembly.GetManifestResourceNames()));
    }

    [Fact]
    public async Task What_the_font_lacks_takes_the_room_it_was_given_and_reads_as_a_replacement()
    {
        (_, ReadPdf pdf) = await RenderAsync(new("T", string.Concat(Enumerable.Repeat("日本語", 200)), "lacking"));
        Assert.Equal(new string('\ufffd', 600), string.Concat(pdf.Pages.SelectMany(page => page.Skip(1).SkipLast(1))));
        Assert.InRange(pdf.RightEdge, 400, 595 - 62 + 0.1);
    }

    [Fact]
    public async Task Documents_that_are_rendered_at_the_same_time_do_not_meet()
    {
        (RenderPdfResult, ReadPdf Pdf)[] all = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(() => RenderAsync(new($"Title {number}", $"ä{number} {Words}", $"f{number}")))));
        Assert.All(all.Index(), one => Assert.StartsWith($"ä{one.Index} word1 word2", one.Item.Pdf.Pages[0][1], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public async Task A_wrong_output_folder_stops_the_start_and_is_named(string folder)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection([new("WorkQueue:Output", folder)]);
        builder.AddOutputFolder();
        using IHost host = builder.Build();
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains("WorkQueue:Output", failure.Message, StringComparison.Ordinal);
    }

    private async Task<(RenderPdfResult Result, ReadPdf Pdf)> RenderAsync(RenderPdf payload)
    {
        var result = Assert.IsType<RenderPdfResult>(await Handler().HandleAsync(payload, Context()));
        return (result, new ReadPdf(await File.ReadAllBytesAsync(PathOf(result))));
    }

    private string PathOf(RenderPdfResult result) => Path.Combine(Output, result.File);

    private RenderPdfHandler Handler(TimeProvider? clock = null) =>
        new(new OutputFolder(Options.Create(new OutputOptions()), new HostEnvironment("Production", _root)), clock ?? TimeProvider.System);

    private sealed class CancellingClock(CancellationTokenSource source) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            source.Cancel();
            return DateTimeOffset.UnixEpoch;
        }
    }
}
