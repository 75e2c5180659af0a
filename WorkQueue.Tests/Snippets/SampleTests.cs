using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using RabbitMQ.Client;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

/// <summary>The programs in samples/, run as a user would.</summary>
[Collection(BrokerTests.Name)]
public sealed partial class SampleTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task Hello_world_enqueues_and_handles_a_task_in_fewer_than_25_lines()
    {
        await using TestQueue queue = new(broker);
        // Declares the queues under this prefix, so that they are deleted at the end.
        await queue.ProducerAsync();
        Assert.Contains("Hello, World!", await OtherProgram.RunAsync("dotnet", [TestEnvironment.Built("samples/HelloWorld", ".dll")], Settings(queue)));
        Assert.InRange(File.ReadAllLines(Path.Combine(TestEnvironment.Solution, "samples/HelloWorld/Program.cs")).Length, 1, 24);
    }

    [BrokerFact]
    public async Task The_web_app_enqueues_from_a_request()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await using OtherProgram web = OtherProgram.Start("dotnet", [TestEnvironment.Built("samples/WebApp", ".dll"), "--urls", "http://127.0.0.1:0"], Settings(queue));
        string? address = null;
        await Eventually.TrueAsync(() => (address = web.Output.Select(line => Address().Match(line)).FirstOrDefault(match => match.Success)?.Value) is not null, "it listens");
        using HttpClient http = new() { BaseAddress = new Uri(address!) };
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/documents", new { title = "Hello", text = "World", file = "hello" });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        BasicGetResult task = await queue.TakeAsync("default");
        string? id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        Assert.Equal(("render-pdf", id), (task.BasicProperties.Type, task.BasicProperties.MessageId));
    }

    private (string Key, string Value)[] Settings(TestQueue queue) => [("ConnectionStrings__rabbitmq", broker.ConnectionString), ("WorkQueue__Prefix", queue.Prefix), ("Logging__LogLevel__Microsoft.Hosting.Lifetime", "Information")];

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Address();
}
