using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Workers;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>A program that takes tasks by HTTP, on loopback, in a folder that goes with it.</summary>
internal sealed class WebProgram : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
    private readonly int _port = Ports.Free();
    private readonly Process _process;

    private WebProgram(Func<string, IEnumerable<string>> arguments, params IEnumerable<(string Key, string Value)> settings)
    {
        ProcessStartInfo start = KeptProgram.In(_folder, ["dotnet", .. arguments(Url)]);
        foreach ((string key, string value) in settings)
        {
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        _process = Process.Start(start)!;
    }

    /// <summary>Where it answers.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}");

    /// <summary>The memory that it holds, in bytes: the one child of the shell that keeps it.</summary>
    public long WorkingSet
    {
        get
        {
            string pid = _process.Id.ToString(CultureInfo.InvariantCulture);
            using Process program = Process.GetProcessById(int.Parse(File.ReadAllText($"/proc/{pid}/task/{pid}/children"), CultureInfo.InvariantCulture));
            return program.WorkingSet64;
        }
    }

    /// <summary>A minimal endpoint that publishes by the raw client.</summary>
    public static Task<WebProgram> MinimalAsync(Stage stage) =>
        ListeningAsync(new WebProgram(url => [Program(typeof(WebProgram).Assembly.GetName().Name!), EndpointCommand.Name, stage.ConnectionString, url]));

    /// <summary>The producer, set as in development: a caller on loopback needs no key.</summary>
    public static Task<WebProgram> ProducerAsync(Ours ours) => ListeningAsync(new WebProgram(
        url => [Program("WorkQueue.Producer"), "--urls", url],
        [("DOTNET_ENVIRONMENT", "Development"), ("Logging:LogLevel:Default", "Warning"), ("WorkQueue:Board:Store", "board.db"), .. ours.Settings]));

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Program(string name) => Path.Combine(AppContext.BaseDirectory, name + ".dll");

    private static async Task<WebProgram> ListeningAsync(WebProgram program)
    {
        try
        {
            await Ports.OpenedAsync(program._port, program._process);
            return program;
        }
        catch (InvalidOperationException failure)
        {
            string output = await File.ReadAllTextAsync(Path.Combine(program._folder, "output"));
            await program.DisposeAsync();
            throw new InvalidOperationException($"{failure.Message} {output}", failure);
        }
    }
}
