using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace WorkQueue.Tests.Support;

/// <summary>An installed PostgreSQL, started for the tests of a run in a folder of its own; it ends with them, however they end. What is committed is on the disk.</summary>
internal sealed class PostgresServer
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "local-postgres.sh");
    private static readonly Lazy<bool> Installed = new(IsThere);
    private static readonly Lazy<Task<PostgresServer>> One = new(StartAsync);

    // It stops the server when this process ends, or this list.
    private static readonly List<Reaper> Reapers = [];

    private readonly int _port = TestEnvironment.FreePort();
    private readonly List<string> _output = [];

    /// <summary>Why there is none here, or null. In CI there has to be one.</summary>
    public static string? Missing => TestEnvironment.IsCi || Installed.Value ? null : "No PostgreSQL (on Debian: apt-get install postgresql).";

    /// <summary>The server of this run.</summary>
    public static Task<PostgresServer> SharedAsync() => One.Value;

    /// <summary>Where a database of it is.</summary>
    public string ConnectionString(string database) => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={_port};Username=postgres;Database={database}");

    public async Task RunAsync(string statement)
    {
        await using NpgsqlConnection connection = new(ConnectionString("postgres"));
        await connection.OpenAsync();
        await using NpgsqlCommand command = new(statement, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<PostgresServer> StartAsync()
    {
        PostgresServer server = new();
        string folder = Directory.CreateTempSubdirectory("workqueue-test-postgres-").FullName;
        string port = server._port.ToString(CultureInfo.InvariantCulture);
        Process process = Process.Start(new ProcessStartInfo("sh", [Script, folder, port]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        // What it shares with its processes stays behind when it is killed.
        string id = process.Id.ToString(CultureInfo.InvariantCulture);
        Reapers.Add(new Reaper("sh", "-c", $"kill -INT {id}; for i in $(seq 100); do kill -0 {id} || break; sleep 0.1; done; rm -rf '{folder}'"));
        process.OutputDataReceived += (_, line) => server.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => server.Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Eventually.TrueAsync(() => server.AnswersAsync(process), "PostgreSQL answers");
        return server;
    }

    private async Task<bool> AnswersAsync(Process process)
    {
        if (process.HasExited)
        {
            lock (_output)
            {
                throw new InvalidOperationException($"PostgreSQL did not start:\n{string.Join('\n', _output)}");
            }
        }

        try
        {
            await RunAsync("SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                _output.Add(line);
            }
        }
    }

    private static bool IsThere()
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        using Process check = Process.Start(new ProcessStartInfo("sh", [Script, "--check"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        check.WaitForExit();
        return check.ExitCode == 0;
    }
}
