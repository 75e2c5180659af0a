using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

/// <summary>What docs/schedules.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class ScheduleTests(BrokerFixture broker)
{
    // begin-snippet: schedule-types
    [TaskType("send-report")]
    public sealed record SendReport(string To);

    public sealed class SendReportHandler(IMailServer mail) : ITaskHandler<SendReport>
    {
        public async Task<object?> HandleAsync(SendReport report, TaskContext context)
        {
            await mail.SendAsync(report.To, context.CancellationToken); // By context.Id it can tell a second run of the same morning.
            return null;
        }
    }
    // end-snippet

    public interface IMailServer
    {
        Task SendAsync(string address, CancellationToken cancellationToken);
    }

    // begin-snippet: schedule-test
    [Fact]
    public async Task The_report_is_sent_on_the_mornings_of_working_days()
    {
        Outbox outbox = new();
        await using TestTaskQueue queue = new(services => services
            .AddSingleton<IMailServer>(outbox)
            .AddTaskHandler<SendReport, SendReportHandler>()
            .AddTaskSchedule("report", "0 7 * * MON-FRI", new SendReport("team@example.com")));

        await queue.AdvanceAsync(TimeSpan.FromDays(7));

        Assert.Equal(5, outbox.Sent.Count);
    }
    // end-snippet

    [BrokerFact]
    public async Task The_worker_of_the_documentation_knows_its_schedule()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Services.AddSingleton<IMailServer>(new Outbox());
            // begin-snippet: schedule-worker
            builder.AddTaskWorker();
            builder.AddTaskHandler<SendReport, SendReportHandler>();
            builder.Services.AddTaskSchedule(
                "report", "0 7 * * MON-FRI", new SendReport("team@example.com"), schedule => schedule.TimeZone = "Europe/Berlin");
            // end-snippet
        });
        ISchedules schedules = host.Services.GetRequiredService<ISchedules>();
        await Eventually.TrueAsync(async () => (await schedules.FindAsync("report"))?.Options is { Type: "send-report", TimeZone: "Europe/Berlin", Payload: """{"to":"team@example.com"}""" }, "it is known");
        // begin-snippet: schedule-manage
        await schedules.DefineAsync("cleanup", new ScheduleOptions { Cron = "*/15 * * * *", Type = "send-report", Payload = """{"to":"ops@example.com"}""" });
        string? taskId = await schedules.RunAsync("cleanup"); // Now, besides.
        await schedules.PauseAsync("cleanup");
        await schedules.RemoveAsync("cleanup");
        // end-snippet
        Assert.NotNull(taskId);
    }

    private sealed class Outbox : IMailServer
    {
        public List<string> Sent { get; } = [];

        public Task SendAsync(string address, CancellationToken cancellationToken)
        {
            Sent.Add(address);
            return Task.CompletedTask;
        }
    }
}
