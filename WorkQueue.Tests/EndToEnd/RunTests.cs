using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The AppHost as a program: what it prints, how it ends, and what it leaves.</summary>
[Collection(OwnSystemTests.Name)]
public sealed partial class RunTests
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60);

    private readonly string _mark = $"WORKQUEUE_TEST_{Guid.NewGuid():N}";

    [AppHostFact]
    public async Task It_says_in_one_screen_where_everything_is_and_ends_without_a_trace_when_it_is_told_to()
    {
        await using OtherProgram run = await StartAsync();
        Assert.Matches(@"^Broker: local \(.*rabbitmq-server\)\.$", run.Output.First());
        string[] shown = File.ReadAllText(Path.Combine(TestEnvironment.Solution, "README.md")).Split("<!-- output: run -->\n```\n")[1].Split("\n```")[0].Split('\n');
        Assert.Equal(shown.Skip(1).Select(Plain), run.Output.Skip(1).Select(Plain).Take(shown.Length - 1));
        Assert.InRange(run.Output.Count + run.Errors.Count, 1, 24);

        await Signals.SendAsync("TERM", run.Id);
        Assert.Equal(0, await run.EndAsync(EndLimit));
        await NothingIsLeftAsync();
    }

    [AppHostFact]
    public async Task Killed_it_leaves_no_process_either()
    {
        await using OtherProgram run = await StartAsync("--Workers=1");
        await Signals.SendAsync("KILL", run.Id);
        await run.EndAsync(EndLimit);
        await NothingIsLeftAsync();
    }

    [AppHostTheory]
    [InlineData("--Worker=4", "did you mean 'Workers'?")]
    [InlineData("--Workers=0", "Workers (1 to 100)")]
    [InlineData("--Workers", "'--Workers' has no value")]
    [InlineData("--Broker:Mode=foo", "auto, container, local, external")]
    [InlineData("--WorkQueue:ConfirmTimeout=soon", "WorkQueue:ConfirmTimeout is 'soon'")]
    [InlineData("--Broker:Mode=external", "ConnectionStrings:rabbitmq is not set")]
    public async Task A_wrong_setting_is_one_line_and_exit_code_1(string argument, string expected)
    {
        string line = await RefusalAsync(argument);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    [AppHostFact]
    public async Task A_port_that_is_taken_is_named_as_is_a_second_AppHost()
    {
        using TcpListener taken = new(IPAddress.Loopback, TestEnvironment.FreePort());
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Assert.Contains($"Port {port}, the dashboard's, is in use", await RefusalAsync("--Broker:Mode=local", $"--ASPNETCORE_URLS=http://localhost:{port}"), StringComparison.Ordinal);

        using TcpListener producers = new(IPAddress.Loopback, 5180);
        try
        {
            producers.Start();
        }
        catch (SocketException)
        {
            // Taken by somebody else: that will do.
        }

        Assert.Contains("Port 5180, producer's, is in use", await RefusalAsync("--Broker:Mode=local"), StringComparison.Ordinal);
    }

    // Ports and token are others on each run.
    private static string Plain(string line) => Varying().Replace(line, "$1…");

    [GeneratedRegex(@"(localhost:|t=)[0-9a-f]+")]
    private static partial Regex Varying();

    private async Task<OtherProgram> StartAsync(params string[] arguments)
    {
        OtherProgram run = Start(["--Broker:Mode=local", "--DcpPublisher:RandomizePorts=true", .. arguments]);
        try
        {
            await Eventually.TrueAsync(() => run.Output.Any(line => line.Contains("Ctrl+C", StringComparison.Ordinal)), "it runs", StartLimit);
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    private async Task<string> RefusalAsync(params string[] arguments)
    {
        await using OtherProgram run = Start(arguments);
        Assert.Equal(1, await run.EndAsync(EndLimit));
        await NothingIsLeftAsync();
        return Assert.Single(run.Errors);
    }

    private OtherProgram Start(params string[] arguments) => OtherProgram.Start(
        TestEnvironment.Built("WorkQueue.AppHost"),
        ["--ASPNETCORE_URLS=http://localhost:0", "--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://localhost:0", .. arguments],
        (_mark, "1"), ("ASPIRE_ALLOW_UNSECURED_TRANSPORT", "true"), ("DOTNET_ENVIRONMENT", "Development"));

    // Whatever it starts inherits its environment.
    private Task NothingIsLeftAsync() => Eventually.TrueAsync(() => !Process.GetProcesses().Any(IsOurs), "no process is left", EndLimit);

    private bool IsOurs(Process process)
    {
        using (process)
        {
            try
            {
                return File.ReadAllText($"/proc/{process.Id}/environ").Contains(_mark, StringComparison.Ordinal);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }
}
