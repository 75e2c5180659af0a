using System.Text;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Calls: a task that is waited for.</summary>
[Collection(BrokerTests.Name)]
public sealed class CallTests(BrokerFixture broker)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1.5);

    [BrokerFact]
    public async Task A_thousand_calls_at_once_each_get_their_own_result()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "4"));
        ITaskQueue tasks = await queue.ProducerAsync();
        await SquareAsync(queue);
        Squared[] results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(number => tasks.CallAsync<Squared>("square", new Number(number), TimeSpan.FromMinutes(2))));
        Assert.Equal(Enumerable.Range(0, 1000).Select(number => number * number), results.Select(result => result.Value));
    }

    [BrokerFact]
    public async Task A_task_that_is_rejected_fails_its_call_with_the_remote_error_and_is_a_dead_letter()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no such customer", new KeyNotFoundException("customer 17")));
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => tasks.CallAsync<string>("probe", "", TestEnvironment.Patience));
        Assert.Equal((CallOutcome.Failed, "System.Collections.Generic.KeyNotFoundException", "customer 17"), (failed.Outcome, failed.RemoteErrorType, failed.RemoteError));
        Assert.Contains("no such customer", failed.Message, StringComparison.Ordinal);
        Assert.Equal(failed.TaskId, (await queue.TakeAsync("default.dead")).BasicProperties.MessageId);
    }

    [BrokerFact]
    public async Task An_attempt_that_fails_is_tried_again_within_the_time_of_the_call()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Jitter", "0"));
        ITaskQueue tasks = await queue.ProducerAsync();
        await queue.WorkerAsync((text, context) => context.Attempt == 1 ? throw new InvalidOperationException("once more") : Task.FromResult<object?>(text));
        Assert.Equal("hello", await tasks.CallAsync<string>("probe", "hello", TestEnvironment.Patience));
    }

    [BrokerFact]
    public async Task A_call_whose_next_attempt_would_come_too_late_fails_at_once_and_is_no_dead_letter()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "01:00:00"));
        ITaskQueue tasks = await queue.ProducerAsync();
        await queue.WorkerAsync((_, _) => throw new InvalidOperationException("boom"));
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => tasks.CallAsync<string>("probe", "", TimeSpan.FromMinutes(10)).WaitAsync(TestEnvironment.Patience));
        Assert.Equal((CallOutcome.Failed, "System.InvalidOperationException", "boom"), (failed.Outcome, failed.RemoteErrorType, failed.RemoteError));
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task A_call_nobody_starts_in_time_times_out_and_is_then_settled_without_a_run_or_a_dead_letter()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        CallFailedException late = await Assert.ThrowsAsync<CallFailedException>(() => tasks.CallAsync<string>("probe", "", Soon));
        Assert.Equal(CallOutcome.TimedOut, late.Outcome);
        await queue.WorkerAsync();
        await queue.LoggedAsync($"Task {late.TaskId} (probe) is cancelled");
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "the expired call is settled");
        Assert.Empty(queue.Runs.All);
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task A_reply_that_comes_too_late_is_ignored_and_the_next_call_works()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await queue.WorkerAsync(async (text, _) =>
        {
            await (text == "slow" ? go.Task : Task.CompletedTask);
            return text;
        });
        CallFailedException late = await Assert.ThrowsAsync<CallFailedException>(() => tasks.CallAsync<string>("probe", "slow", Soon));
        Assert.Equal(CallOutcome.TimedOut, late.Outcome);
        go.SetResult();
        Assert.Equal("quick", await tasks.CallAsync<string>("probe", "quick", TestEnvironment.Patience));
        await queue.LoggedAsync("is ignored");
    }

    [BrokerFact]
    public async Task A_reply_that_is_not_ours_is_ignored_and_one_that_is_no_result_fails_its_call()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        Task<Squared> call = tasks.CallAsync<Squared>("square", new Number(2), TestEnvironment.Patience);
        BasicGetResult request = await queue.TakeAsync("default");
        Assert.NotNull(request.Header("wq-deadline"));
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.BasicPublishAsync("", request.BasicProperties.ReplyTo!, false, new BasicProperties { CorrelationId = "another" }, "4"u8.ToArray());
        await plain.BasicPublishAsync("", request.BasicProperties.ReplyTo!, false, new BasicProperties(), "4"u8.ToArray());
        await plain.BasicPublishAsync("", request.BasicProperties.ReplyTo!, false, new BasicProperties { CorrelationId = request.BasicProperties.CorrelationId }, "four"u8.ToArray());
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => call);
        Assert.Equal((CallOutcome.Unreadable, request.BasicProperties.MessageId), (failed.Outcome, failed.TaskId));
        await queue.LoggedAsync("A reply to another is ignored");
    }

    [BrokerFact]
    public async Task A_plain_client_that_calls_as_the_tutorial_does_gets_its_answer()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await queue.WorkerAsync((text, _) => Task.FromResult<object?>(text.Length), ("Queues:default:DefaultType", "probe"));
        await using IChannel plain = await queue.PlainChannelAsync();
        QueueDeclareOk replies = await plain.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true);
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", true, new BasicProperties { ReplyTo = replies.QueueName, CorrelationId = "c1" }, "12345"u8.ToArray());
        BasicGetResult? answer = null;
        await Eventually.TrueAsync(async () => (answer = await plain.BasicGetAsync(replies.QueueName, autoAck: true)) is not null, "an answer");
        Assert.Equal(("c1", "5"), (answer!.BasicProperties.CorrelationId, Encoding.UTF8.GetString(answer.Body.Span)));
    }

    [BrokerFact]
    public async Task A_plain_client_with_a_direct_reply_to_is_answered()
    {
        const string DirectReplyTo = "amq.rabbitmq.reply-to";
        await using TestQueue queue = new(broker, ("Queues:default:DefaultType", "probe"));
        await queue.WorkerAsync((text, _) => Task.FromResult<object?>(text.Length));
        await queue.LoggedAsync("Connected to RabbitMQ");
        await using IChannel plain = await queue.PlainChannelAsync();
        TaskCompletionSource<string> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        AsyncEventingBasicConsumer consumer = new(plain);
        consumer.ReceivedAsync += (_, reply) =>
        {
            answer.TrySetResult(Encoding.UTF8.GetString(reply.Body.Span));
            return Task.CompletedTask;
        };
        await plain.BasicConsumeAsync(DirectReplyTo, autoAck: true, consumer);
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", true, new BasicProperties { ReplyTo = DirectReplyTo }, "12345"u8.ToArray());
        Assert.Equal("5", await answer.Task.WaitAsync(TestEnvironment.Patience));
    }

    [BrokerTheory]
    [InlineData("g1h2.nobody")]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("x")]
    [InlineData("!.!")]
    [InlineData("g2gCYQFhAg==.key")]
    public async Task A_direct_reply_to_that_is_made_up_costs_no_connection(string address)
    {
        await using TestQueue queue = new(broker, ("Queues:default:DefaultType", "probe"));
        await queue.WorkerAsync();
        await queue.LoggedAsync("Connected to RabbitMQ");
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", true, new BasicProperties { ReplyTo = $"amq.rabbitmq.reply-to.{address}" }, "1"u8.ToArray());
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", true, new BasicProperties(), "2"u8.ToArray());
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 2, "both run");
        await queue.Last.StopAsync();
        Assert.Equal(["1", "2"], queue.Runs.All.Select(run => run.Text));
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task A_call_that_is_not_acceptable_is_refused_before_anything_is_sent()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => tasks.CallAsync<string>("probe", "", TimeSpan.Zero));
        await Assert.ThrowsAsync<InvalidTaskException>(() => tasks.CallAsync<string>("no type", "", Soon));
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_call_made_again_under_the_same_id_is_not_told_how_the_one_before_ended()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        NewTask call = NewTask.Json("probe", "again") with { Id = "same" };
        CallFailedException late = await Assert.ThrowsAsync<CallFailedException>(() => tasks.CallAsync<string>(call, Soon));
        Assert.Equal(CallOutcome.TimedOut, late.Outcome);
        Task<string> second = tasks.CallAsync<string>(call, TestEnvironment.Patience);
        await Eventually.EqualAsync(2, async () => await queue.ReadyAsync(), "both are enqueued");
        await queue.WorkerAsync((text, _) => Task.FromResult<object?>(text));
        Assert.Equal("again", await second);
    }

    private static Task<IHost> SquareAsync(TestQueue queue) => queue.StartAsync(builder =>
    {
        builder.AddTaskWorker();
        builder.AddTaskHandler("square", (Number number, TaskContext _) => Task.FromResult(new Squared(number.Value * number.Value)));
    });

    private sealed record Number(int Value);

    private sealed record Squared(int Value);
}
