using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using WorkQueue.Messaging;
using WorkQueue.Tests.EndToEnd;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Board;

/// <summary>The board in a real browser, on a running system.</summary>
[Collection(SystemTests.Name)]
public sealed partial class BrowserTests(BoardFixture fixture) : IClassFixture<BoardFixture>
{
    // Of a small phone.
    private const int NarrowWidth = 360;

    private static readonly string[] Views = ["/", "/board/tasks", "/board/queues", "/board/batches", "/board/schedules", "/board/dead-letters", "/board/workers", "/board/new"];

    [ChromiumFact]
    public async Task A_task_sent_in_the_form_is_seen_to_succeed_without_a_reload()
    {
        await using BoardPage board = await fixture.OpenAsync("/board/new");
        await board.Page.FillAsync("#payload", """{"text":"from the form.."}""");
        await board.Page.ClickAsync("button:text('Send')");
        await board.MarkAsync();
        await board.Chip("succeeded").WaitForAsync();
        Assert.True(await board.IsMarkedAsync());
        Assert.Contains("from the form..", await board.Page.TextContentAsync("#payload"), StringComparison.Ordinal);
        Assert.Contains("seconds", await board.Page.TextContentAsync("#result"), StringComparison.Ordinal);
        Assert.Empty(board.Complaints);
    }

    [ChromiumFact]
    public async Task A_failing_task_goes_to_the_dead_letters_and_is_redriven_by_clicks()
    {
        string id = await SendAsync("fail to be redriven");
        await using BoardPage board = await fixture.OpenAsync($"/board/tasks/{id}");
        await board.Chip("dead-lettered").WaitForAsync();
        await board.GoToAsync("/board/dead-letters");
        await board.Page.ClickAsync("tr:has-text('The text starts with') a:text('Redrive…')");
        await board.Page.Locator("h1:has-text('Redrive')").WaitForAsync();
        await board.Page.ClickAsync("button:text('Redrive them')");
        await board.Page.Locator(".flash:has-text('redriven')").WaitForAsync();
        await board.GoToAsync($"/board/tasks/{id}");
        await board.Page.Locator(".facts:has-text('redriven 1×')").WaitForAsync();
        await board.Chip("dead-lettered").WaitForAsync();
        Assert.Empty(board.Complaints);
    }

    [ChromiumFact]
    public async Task A_wrong_payload_is_named_at_its_field_and_nothing_is_sent()
    {
        await using BoardPage board = await fixture.OpenAsync("/board/new");
        await board.Page.FillAsync("#type", "unheard-of");
        await board.Page.FillAsync("#payload", "{oops");
        await board.Page.ClickAsync("button:text('Send')");
        await board.Page.Locator("#payload-error:has-text('not JSON')").WaitForAsync();
        Assert.Equal("{oops", await board.Page.InputValueAsync("#payload"));
        await board.Page.FillAsync("#payload", "{}");
        await board.Page.ClickAsync("button:text('Send')");
        await board.Page.Locator("#type-error:has-text('unheard-of')").WaitForAsync();
    }

    [ChromiumFact]
    public async Task A_finished_task_is_run_again_with_an_edited_payload()
    {
        string id = await SendAsync("before the edit");
        await using BoardPage board = await fixture.OpenAsync($"/board/tasks/{id}");
        await board.Chip("succeeded").WaitForAsync();
        await board.Page.ClickAsync("a:text('Run again edited…')");
        await board.Page.FillAsync("#edited", "after the edit");
        await board.RefreshAsync();
        Assert.Equal("after the edit", await board.Page.InputValueAsync("#edited"));
        await board.Page.ClickAsync("button:text('Run it')");
        await board.Page.Locator(".flash:has-text('Runs again')").WaitForAsync();
        await board.Page.Locator("#payload:has-text('after the edit')").WaitForAsync();
        await board.Page.Locator($".facts a:has-text('{id}')").WaitForAsync();
    }

    [ChromiumFact]
    public async Task A_waiting_task_is_cancelled_by_a_click()
    {
        using HttpResponseMessage sent = await fixture.App.Producer.PostAsJsonAsync("/tasks", new { type = "simulate", payload = new { text = "never" }, delay = "06:00:00" });
        string id = await IdOfAsync(sent);
        await using BoardPage board = await fixture.OpenAsync($"/board/tasks/{id}");
        await board.Chip("scheduled").WaitForAsync();
        await board.Page.ClickAsync("button:text('Cancel')");
        await board.Chip("cancelled").WaitForAsync();
    }

    [ChromiumFact]
    public async Task A_batch_is_a_bar_and_cancelled_by_a_click()
    {
        string id = await BatchAsync("clicked", "job", "later");
        await using BoardPage board = await fixture.OpenAsync("/board/batches");
        ILocator row = board.Page.Locator($"#b-{id}");
        await row.Locator("svg[aria-label='1 succeeded, 1 pending']").WaitForAsync();
        Assert.Equal(2, await row.Locator("rect").CountAsync());
        await row.Locator("button:text('Cancel')").ClickAsync();
        await board.Page.Locator(".flash:has-text('is cancelled')").WaitForAsync();
        await row.Locator(".chip:text('cancelled')").WaitForAsync();
        Assert.Equal(0, await row.Locator("button").CountAsync());
        await using BoardPage member = await fixture.OpenAsync($"/board/tasks/{TaskBatch.IdOf(id, 0)}");
        await member.Page.ClickAsync($"a:has-text('{id}')");
        await member.Page.Locator($"#b-{id}:target").WaitForAsync();
        Assert.Empty(board.Complaints.Concat(member.Complaints));
    }

    [ChromiumFact]
    public async Task A_schedule_is_shown_with_its_next_times_run_by_a_click_and_paused()
    {
        using HttpResponseMessage put = await ScheduleAsync("clicked", "0 3 * * *");
        await using BoardPage board = await fixture.OpenAsync("/board/schedules");
        ILocator row = board.Page.Locator("#s-clicked");
        await row.WaitForAsync();
        Assert.Equal(5, await row.Locator("td.times").First.Locator("time").CountAsync());
        Assert.Contains("03:00:00 +0", await row.TextContentAsync(), StringComparison.Ordinal);
        await row.Locator("button:text('Run now')").ClickAsync();
        await board.Page.Locator(".flash:has-text('was run')").WaitForAsync();
        await row.Locator(".chip:text('succeeded')").WaitForAsync();
        await row.Locator("button:text('Pause')").ClickAsync();
        await row.Locator(".chip:text('paused')").WaitForAsync();
        Assert.Equal(1, await row.Locator("button:text('Resume')").CountAsync());
        Assert.Empty(board.Complaints);
        await fixture.App.Producer.DeleteAsync("/schedules/clicked");
    }

    [ChromiumFact]
    public async Task A_search_finds_a_task_and_the_keyboard_opens_it()
    {
        string id = await SendAsync("to be found");
        await using BoardPage board = await fixture.OpenAsync("/");
        await board.Page.Locator(".live.on").WaitForAsync();
        await board.PressTogetherAsync("g", "t", "/board/tasks");
        // Keys are heard once the page is live.
        await board.Page.Locator(".live.on").WaitForAsync();
        await board.Page.Keyboard.PressAsync("/");
        await board.Page.Keyboard.TypeAsync(id);
        await board.Page.Keyboard.PressAsync("Enter");
        await board.IsAtAsync($"/board/tasks?q={id}&type=&queue=");
        await board.Page.Locator("#tasks tbody tr").WaitForAsync();
        Assert.Equal(1, await board.Page.Locator("#tasks tbody tr").CountAsync());
        await board.Page.Keyboard.PressAsync("j");
        await board.Page.Keyboard.PressAsync("Enter");
        await board.IsAtAsync($"/board/tasks/{id}");
        await board.Page.Keyboard.PressAsync("?");
        Assert.True(await board.Page.Locator("#help").IsVisibleAsync());
    }

    [ChromiumFact]
    public async Task Text_being_typed_stays_while_the_page_follows_what_happens()
    {
        await using BoardPage board = await fixture.OpenAsync("/board/tasks");
        await board.Page.FocusAsync("[data-search]");
        await board.Page.Keyboard.TypeAsync("half a wo");
        string id = await SendAsync("while somebody types");
        await board.Page.Locator($"#tasks a:has-text('{id}')").WaitForAsync();
        await board.Page.Keyboard.TypeAsync("rd");
        Assert.Equal("half a word", await board.Page.InputValueAsync("[data-search]"));
    }

    [ChromiumFact]
    public async Task A_field_keeps_its_text_and_the_focus_when_something_before_it_goes_or_comes()
    {
        await using BoardPage board = await fixture.OpenAsync("/board/tasks");
        // As the banner of a history that is replayed, and as one that appears where the script saw none.
        await board.Page.EvaluateAsync("() => document.getElementById('main').insertAdjacentHTML('afterbegin', '<p class=\"passing\">gone soon</p>')");
        await board.Page.FocusAsync("[data-search]");
        await board.Page.Keyboard.TypeAsync("half a ");
        await board.RefreshAsync();
        Assert.Equal(0, await board.Page.Locator("p.passing").CountAsync());
        await board.Page.EvaluateAsync("() => document.querySelector('#main .head').previousSibling?.remove()");
        await board.Page.EvaluateAsync("() => document.querySelector('#main nav.tabs').remove()");
        await board.RefreshAsync();
        Assert.Equal(1, await board.Page.Locator("#main nav.tabs").CountAsync());
        await board.Page.Keyboard.TypeAsync("word");
        Assert.Equal("half a word", await board.Page.InputValueAsync("[data-search]"));
    }

    [ChromiumFact]
    public async Task A_script_in_a_payload_is_shown_as_text()
    {
        const string Evil = "fail <img src=x onerror=\"alert(1)\"><script>alert(2)</script>";
        string id = await SendAsync(Evil);
        await using BoardPage board = await fixture.OpenAsync($"/board/tasks/{id}");
        await board.Chip("dead-lettered").WaitForAsync();
        Assert.Equal(Evil, await board.Page.TextContentAsync("#payload"));
        await board.GoToAsync("/board/dead-letters?type=simulate");
        await board.Page.Locator("#main").WaitForAsync();
        Assert.Equal(0, await board.Page.Locator("main img, main script").CountAsync());
        Assert.Empty(board.Complaints);
    }

    [ChromiumFact]
    public async Task Dark_mode_follows_the_system_and_the_button_which_is_remembered()
    {
        await using BoardPage board = await fixture.OpenAsync("/", ColorScheme.Dark);
        Assert.True(await IsDarkAsync());
        await board.Page.ClickAsync("[data-theme-toggle]");
        Assert.False(await IsDarkAsync());
        await board.GoToAsync("/board/tasks");
        Assert.False(await IsDarkAsync());

        Task<bool> IsDarkAsync() => board.Page.EvaluateAsync<bool>("() => getComputedStyle(document.body).backgroundColor === 'rgb(14, 17, 22)'");
    }

    [ChromiumFact]
    public async Task Without_a_script_tasks_are_sent_and_shown_all_the_same()
    {
        await using BoardPage board = await fixture.OpenAsync("/board/new", script: false);
        await board.Page.FillAsync("#payload", """{"text":"no script"}""");
        await board.Page.ClickAsync("button:text('Send')");
        await board.Page.Locator(".flash:has-text('confirmed')").WaitForAsync();
        await board.Page.Locator("#payload:has-text('no script')").WaitForAsync();
    }

    [ChromiumFact]
    public async Task Each_page_has_its_landmarks_and_names_for_a_screen_reader_and_fits_a_narrow_screen()
    {
        string dead = await SendAsync("fail for the reader");
        await using (BoardPage wait = await fixture.OpenAsync($"/board/tasks/{dead}"))
        {
            await wait.Chip("dead-lettered").WaitForAsync();
        }

        foreach (string view in (string[])[.. Views, $"/board/tasks/{dead}"])
        {
            await using BoardPage board = await fixture.OpenAsync(view);
            string tree = await board.Page.Locator("body").AriaSnapshotAsync();
            Assert.All((string[])["- main", "- navigation", "[level=1]"], landmark => Assert.Contains(landmark, tree, StringComparison.Ordinal));
            string[] unnamed = [.. tree.Split('\n').Where(line => Unnamed().IsMatch(line))];
            Assert.True(unnamed.Length == 0, $"{view} has controls without a name:\n{string.Join('\n', unnamed)}");

            await board.Page.SetViewportSizeAsync(NarrowWidth, 740);
            int width = await board.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth");
            Assert.True(width <= NarrowWidth, $"{view} is {width} pixels wide on a screen of {NarrowWidth}.");
        }
    }

    [ChromiumFact]
    public async Task No_page_complains_and_each_is_photographed()
    {
        string? folder = Environment.GetEnvironmentVariable("WORKQUEUE_SCREENSHOTS");
        string dead = await SendAsync("fail for the photograph");
        await using (BoardPage wait = await fixture.OpenAsync($"/board/tasks/{dead}"))
        {
            await wait.Chip("dead-lettered").WaitForAsync();
        }

        (await ScheduleAsync("nightly-report", "0 3 * * *")).Dispose();
        (await ScheduleAsync("health", "*/15 * * * * *")).Dispose();
        await BatchAsync("Album summer", "a", "b", "c", "d", "e");
        await BatchAsync("Album winter", "a", "fail", "b", "later");
        using CancellationTokenSource enough = new();
        Task work = WorkAsync(enough.Token);
        int before = fixture.App.Lines("(simulate) done after").Length;
        await Eventually.TrueAsync(() => fixture.App.Lines("(simulate) done after").Length - before > (string.IsNullOrEmpty(folder) ? 10 : 300), "some tasks are done", TimeSpan.FromMinutes(2));
        foreach (ColorScheme scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            foreach (string view in (string[])[.. Views, $"/board/tasks/{dead}"])
            {
                await using BoardPage board = await fixture.OpenAsync(view, scheme);
                await board.Page.Locator(view == "/board/new" ? "main" : ".live.on").WaitForAsync();
                if (!string.IsNullOrEmpty(folder))
                {
                    string name = view == "/" ? "home" : view.EndsWith(dead, StringComparison.Ordinal) ? "task" : view["/board/".Length..];
                    await board.Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"board-{name}-{scheme.ToString().ToLowerInvariant()}.png") });
                }

                Assert.Empty(board.Complaints);
            }
        }

        await enough.CancelAsync();
        await work;
        (await fixture.App.Producer.DeleteAsync("/schedules/health")).Dispose();
        (await fixture.App.Producer.DeleteAsync("/schedules/nightly-report")).Dispose();
    }

    private Task<HttpResponseMessage> ScheduleAsync(string name, string cron) => fixture.App.Producer.PutAsJsonAsync(
        $"/schedules/{name}", new { cron, timeZone = "Europe/Berlin", type = "simulate", payload = new { text = name } });

    // One that is later waits.
    private async Task<string> BatchAsync(string name, params string[] texts)
    {
        string head = JsonSerializer.Serialize(new { batch = new { name, onComplete = new { type = "simulate", payload = new { text = name } } } });
        IEnumerable<string> lines = texts.Select(text => JsonSerializer.Serialize(new { type = "simulate", payload = new { text }, delay = text == "later" ? "06:00:00" : "00:00:00" }));
        using StringContent content = new(string.Join('\n', lines.Prepend(head)), System.Text.Encoding.UTF8, "application/x-ndjson");
        using HttpResponseMessage posted = await fixture.App.Producer.PostAsync("/batches", content);
        return await IdOfAsync(posted);
    }

    [GeneratedRegex(@"^\s*- (button|link|textbox|searchbox|combobox|checkbox|radio)( \[[^\]]*\])*:?\s*$")]
    private static partial Regex Unnamed();

    // Something of every kind, as long as it takes.
    private async Task WorkAsync(CancellationToken enough)
    {
        for (int number = 0; !enough.IsCancellationRequested; number++)
        {
            if (number % 10 == 0)
            {
                using HttpResponseMessage later = await fixture.App.Producer.PostAsJsonAsync(
                    "/tasks", new { type = "simulate", payload = new { text = "later." }, delay = "06:00:00" }, CancellationToken.None);
                later.EnsureSuccessStatusCode();
            }

            await SendAsync(number % 40 == 7 ? "fail" : number % 25 == 3 ? $"job {number}.." : $"job {number}");
            await Task.Delay(TimeSpan.FromMilliseconds(40), TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task<string> SendAsync(string text)
    {
        using HttpResponseMessage sent = await fixture.App.SendAsync(text);
        return await IdOfAsync(sent);
    }

    private static async Task<string> IdOfAsync(HttpResponseMessage sent) => (await sent.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
}
