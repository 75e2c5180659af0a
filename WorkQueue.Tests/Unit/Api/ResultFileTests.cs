using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>The files that tasks have made, as the board serves them.</summary>
public sealed class ResultFileTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wq-files-").FullName;
    private ApiHost _host = null!;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "made"));
        _host = await ApiHost.StartAsync($"--WorkQueue:Board:Files={Path.Combine(_folder, "made")}");
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("report.pdf", "application/pdf", "attachment")]
    [InlineData("größer.JPG", "image/jpeg", null)]
    [InlineData("a b#?.webp", "image/webp", null)]
    public async Task A_file_that_a_result_names_is_linked_and_can_do_nothing_in_the_browser(string name, string kind, string? disposition)
    {
        await WriteAsync(name);
        await SucceedAsync(JsonSerializer.Serialize(new { file = name }));
        string page = await _host.Http.GetStringAsync("/board/tasks/a");
        Assert.Contains("href=\"file?id=a\"", page, StringComparison.Ordinal);
        Assert.Equal(disposition is null, page.Contains("<img", StringComparison.Ordinal));

        using HttpResponseMessage file = await _host.Http.GetAsync("/board/file?id=a");
        Assert.Equal("what it made", await file.Content.ReadAsStringAsync());
        Assert.Equal(kind, file.Content.Headers.ContentType?.ToString());
        Assert.Equal(disposition, file.Content.Headers.ContentDisposition?.DispositionType);
        Assert.Equal("default-src 'none'; sandbox", file.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", file.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Theory]
    [InlineData("""{"file":"../outside.pdf"}""")]
    [InlineData("""{"file":"..\\outside.pdf"}""")]
    [InlineData("""{"file":"sub/inside.pdf"}""")]
    [InlineData("""{"file":".hidden.pdf"}""")]
    [InlineData("""{"file":"page.html"}""")]
    [InlineData("""{"file":"link.pdf"}""")]
    [InlineData("""{"file":"folder.pdf"}""")]
    [InlineData("""{"file":"pipe.pdf"}""")]
    [InlineData("""{"file":"missing.pdf"}""")]
    [InlineData("""{"file":"bad\u0000.pdf"}""")]
    [InlineData("""{"file":"half\ud800.pdf"}""")]
    [InlineData("""{"file":7}""")]
    [InlineData("[1]")]
    public async Task What_is_no_plain_file_of_the_folder_is_not_served(string result)
    {
        foreach (string name in (string[])["../outside.pdf", "sub/inside.pdf", ".hidden.pdf", "page.html"])
        {
            await WriteAsync(name);
        }

        Directory.CreateDirectory(Path.Combine(_folder, "made", "folder.pdf"));
        if (!OperatingSystem.IsWindows())
        {
            File.CreateSymbolicLink(Path.Combine(_folder, "made", "link.pdf"), Path.Combine(_folder, "outside.pdf"));
            using Process pipe = Process.Start("mkfifo", [Path.Combine(_folder, "made", "pipe.pdf")]);
            await pipe.WaitForExitAsync();
        }

        await SucceedAsync(result);
        Assert.DoesNotContain("file?id=", await _host.Http.GetStringAsync("/board/tasks/a"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await _host.Http.GetAsync("/board/file?id=a")).StatusCode);
    }

    [Fact]
    public async Task The_file_of_an_absolute_path_is_not_served()
    {
        await WriteAsync("../outside.pdf");
        await SucceedAsync(JsonSerializer.Serialize(new { file = Path.Combine(_folder, "outside.pdf") }));
        Assert.Equal(HttpStatusCode.NotFound, (await _host.Http.GetAsync("/board/file?id=a")).StatusCode);
    }

    [Fact]
    public async Task A_task_that_has_not_succeeded_has_no_file()
    {
        await WriteAsync("report.pdf");
        await _host.RecordAsync(_host.Records.Queued("a"), _host.Records.Running("a"), _host.Records.Dead("a", """{"file":"report.pdf"}"""));
        Assert.Equal(HttpStatusCode.NotFound, (await _host.Http.GetAsync("/board/file?id=a")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _host.Http.GetAsync("/board/file?id=unknown")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _host.Http.GetAsync("/board/file")).StatusCode);
    }

    private Task WriteAsync(string name)
    {
        string path = Path.Combine(_folder, "made", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return File.WriteAllTextAsync(path, "what it made");
    }

    private Task SucceedAsync(string result) => _host.RecordAsync(_host.Records.Queued("a"), _host.Records.Running("a"), _host.Records.Succeeded("a", result: result));
}
