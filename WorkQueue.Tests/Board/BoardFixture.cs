using System.Text.RegularExpressions;
using Microsoft.Playwright;
using WorkQueue.Tests.EndToEnd;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Board;

/// <summary>A running system and a browser.</summary>
public sealed class BoardFixture(RunningSystem system) : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    internal TestApp App { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (ChromiumFactAttribute.Missing is not null)
        {
            return;
        }

        App = await system.StartedAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await LaunchAsync(_playwright);
    }

    internal static Task<IBrowser> LaunchAsync(IPlaywright playwright) => playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
    {
        ExecutablePath = ChromiumFactAttribute.Browser ?? throw new InvalidOperationException("No Chromium on the PATH; eng/setup.sh test installs one."),
        Headless = true,
        // As root, in a container, there is no sandbox to be had.
        Args = ["--no-sandbox"],
    });

    internal async Task<BoardPage> OpenAsync(string path, ColorScheme scheme = ColorScheme.Light, bool script = true)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = App.Producer.BaseAddress!.ToString(),
            ColorScheme = scheme,
            JavaScriptEnabled = script,
            ViewportSize = new ViewportSize { Width = 1280, Height = 900 },
        });
        context.SetDefaultTimeout((float)TestEnvironment.Patience.TotalMilliseconds);
        BoardPage page = new(context, await context.NewPageAsync());
        await page.GoToAsync(path);
        return page;
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }
}

/// <summary>A page of the board, with all that its console said.</summary>
internal sealed class BoardPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    public BoardPage(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                Complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => Complaints.Add(error);
        page.Dialog += (_, dialog) =>
        {
            Complaints.Add($"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
    }

    public IPage Page { get; }

    public List<string> Complaints { get; } = [];

    // A page that is live never stops loading: its stream stays open.
    public Task GoToAsync(string path) => Page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.DOMContentLoaded });

    /// <summary>Presses two keys that count together only within 1.5 s: both are on their way before the first is answered.</summary>
    public async Task PressTogetherAsync(string first, string second, string url)
    {
        await Task.WhenAll(Page.Keyboard.PressAsync(first), Page.Keyboard.PressAsync(second));
        await IsAtAsync(url);
    }

    /// <summary>Waits until the page is one whose address ends so. Not by WaitForURLAsync: a navigation between its look and its listening is missed.</summary>
    public Task IsAtAsync(string end) => Assertions.Expect(Page).ToHaveURLAsync(
        new Regex(Regex.Escape(end) + "$"), new PageAssertionsToHaveURLOptions { Timeout = (float)TestEnvironment.Patience.TotalMilliseconds });

    public ILocator Chip(string state) => Page.Locator($"h1 .chip:text-is('{state}')");

    /// <summary>Has the page fetch itself again, as when something has happened, and waits until it is what it fetched.</summary>
    public async Task RefreshAsync()
    {
        await Page.EvaluateAsync("() => { document.getElementById('main').dataset.stale = ''; document.dispatchEvent(new Event('visibilitychange')); }");
        await Page.Locator("#main:not([data-stale])").WaitForAsync();
    }

    /// <summary>A mark that only a page that was not loaded again still has.</summary>
    public Task MarkAsync() => Page.EvaluateAsync("() => { window.marked = true; }");

    public Task<bool> IsMarkedAsync() => Page.EvaluateAsync<bool>("() => window.marked === true");

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
