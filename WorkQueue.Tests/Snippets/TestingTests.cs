using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Snippets;

/// <summary>The tests that README.md and docs/testing.md show.</summary>
public sealed class TestingTests
{
    // begin-snippet: queue-test
    [Fact]
    public async Task The_words_of_a_text_are_counted()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<CountWords, CountWordsHandler>());

        EnqueuedTask task = await queue.EnqueueAsync(new CountWords("one two three"));
        await queue.RunAsync(); // Runs what is due, until all of it has ended or waits for the clock.
        Assert.Equal(TaskState.Running, queue[task.Id].State);

        await queue.AdvanceAsync(TimeSpan.FromSeconds(1)); // Turns the clock, and runs what falls due.
        Assert.Equal(3, queue[task.Id].ReadResult<JsonElement>().GetProperty("words").GetInt32());
    }
    // end-snippet

    // begin-snippet: handler-test
    [Fact]
    public async Task A_text_that_is_too_long_is_rejected()
    {
        CountWordsHandler handler = new(TimeProvider.System, NullLogger<CountWordsHandler>.Instance);

        TaskTestResult run = await TaskTest.RunAsync(handler, new CountWords(new string('x', 1_000_001)));

        Assert.Equal((TaskState.DeadLettered, "Too long to count."), (run.State, run.Reason));
    }
    // end-snippet

    // begin-snippet: retry-test
    [Fact]
    public async Task A_mail_is_sent_again_until_the_server_takes_it()
    {
        BusyServer server = new(refusals: 2);
        await using TestTaskQueue queue = new(
            services => services.AddSingleton<IMailServer>(server).AddTaskHandler<Mail, SendMail>("send-mail"),
            settings => settings.Retry.Delays = [TimeSpan.FromMinutes(1), TimeSpan.FromHours(1)]);
        TestTask mail = queue[(await queue.EnqueueAsync("send-mail", new Mail("ada@example.com"))).Id];

        await queue.RunAsync();
        Assert.Equal((TaskState.Retrying, "the server is busy"), (mail.State, mail.Reason));
        Assert.Equal(queue.Clock.GetUtcNow().AddMinutes(1), mail.NotBefore);

        await queue.AdvanceAsync(TimeSpan.FromHours(2)); // Both retries, each at its time.
        Assert.Equal((TaskState.Succeeded, 3), (mail.State, mail.Attempt));
        Assert.Empty(queue.DeadLetters);
    }
    // end-snippet

    // begin-snippet: enqueued-test
    [Fact]
    public async Task An_order_is_confirmed_by_mail()
    {
        TaskTestResult run = await TaskTest.RunAsync(tasks => new TakeOrder(tasks), new Order("ada@example.com"));

        Assert.Equal(TaskState.Succeeded, run.State);
        Assert.Equal("ada@example.com", Assert.Single(run.Enqueued).ReadPayload<Mail>()?.To);
    }
    // end-snippet

    // begin-snippet: call-test
    [Fact]
    public async Task A_call_gives_the_result()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler("double", (int number, TaskContext _) => Task.FromResult(2 * number)));

        Assert.Equal(42, await queue.CallAsync<int>("double", 21, timeout: TimeSpan.FromSeconds(10)));
    }
    // end-snippet

    private interface IMailServer
    {
        void Send(Mail mail);
    }

    private sealed record Mail(string To);

    private sealed record Order(string Customer);

    private sealed class BusyServer(int refusals) : IMailServer
    {
        private int _refusals = refusals;

        public void Send(Mail mail)
        {
            if (_refusals-- > 0)
            {
                throw new InvalidOperationException("the server is busy");
            }
        }
    }

    private sealed class SendMail(IMailServer server) : ITaskHandler<Mail>
    {
        public Task<object?> HandleAsync(Mail payload, TaskContext context)
        {
            server.Send(payload);
            return Task.FromResult<object?>(null);
        }
    }

    private sealed class TakeOrder(ITaskQueue tasks) : ITaskHandler<Order>
    {
        public async Task<object?> HandleAsync(Order payload, TaskContext context) =>
            await tasks.EnqueueAsync("send-mail", new Mail(payload.Customer), context.CancellationToken);
    }
}
