using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Users, passwords, virtual hosts and permissions that are changed on the broker while programs run.</summary>
[Collection(SideFaults.Name)]
public sealed class AccessTests(FaultBroker broker, FaultReport report)
{
    [FaultFact(Timeout = 120_000)]
    public async Task A_user_and_a_password_that_are_away_for_a_while_end_no_program_that_has_worked()
    {
        string user = await UserAsync(configure: ".*");
        await using FaultQueue queue = Queue(user);
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync();
        await queue.EnqueueAsync(producer, 5);
        await queue.AllDoneAsync();

        await broker.ControlAsync("change_password", user, "another");
        await CutAsync();
        await UnhealthyAsync(worker, "refused the user name or password");
        await broker.ControlAsync("delete_user", user);
        TaskNotEnqueuedException refused = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.EnqueueAsync(FaultQueue.Probe(0)));
        Assert.Equal(PublishOutcome.Unavailable, refused.Outcome);
        await AddUserAsync(user, ".*");

        await HealthyAsync(worker);
        await queue.EnqueueAsync(producer, 5);
        await queue.AllDoneAsync();
        Assert.False(worker.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        report.Add("user deleted, password changed, and both put right", await queue.CloseAsync(), "no program ends");
        await broker.ControlAsync("delete_user", user);
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_vhost_that_is_deleted_and_made_again_ends_no_program_that_has_worked()
    {
        await broker.EnsureRunningAsync();
        string vhost = $"v{Guid.NewGuid():N}"[..12];
        await AddVhostAsync(vhost);
        await using FaultQueue queue = new(broker, $"{broker.ConnectionString}/{vhost}");
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync();
        await queue.EnqueueAsync(producer, 1);
        await queue.AllDoneAsync();
        await broker.ControlAsync("delete_vhost", vhost);
        await UnhealthyAsync(worker, $"vhost '{vhost}'");
        await AddVhostAsync(vhost);
        await HealthyAsync(worker);
        await queue.EnqueueAsync(producer, 3);
        await queue.AllDoneAsync();
        await queue.StopAsync();
        await broker.ControlAsync("delete_vhost", vhost);
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_user_that_may_configure_nothing_works_with_what_an_administrator_has_declared()
    {
        string user = await UserAsync(configure: "^$");
        await using FaultQueue queue = Queue(user);
        IHost refused = await queue.StartAsync(builder => builder.AddTaskQueue());
        await StoppedAsync(refused);
        Assert.Contains(queue.Logged, line => line.StartsWith("Critical", StringComparison.Ordinal) && line.Contains("is missing", StringComparison.Ordinal) && line.Contains("WorkQueue:DeclareOnly=true", StringComparison.Ordinal));

        IHost administrator = await queue.StartAsync(builder =>
        {
            builder.Configuration["ConnectionStrings:rabbitmq"] = broker.ConnectionString;
            builder.Configuration["WorkQueue:DeclareOnly"] = "true";
            builder.AddTaskQueue();
            builder.AddTaskWorker();
        });
        await StoppedAsync(administrator);
        Environment.ExitCode = 0;

        // As docs/operations.md has it.
        await broker.ControlAsync("set_permissions", user, "^$", $@"^({queue.Prefix}\..*|amq\.default)$", $@"^{queue.Prefix}\..*$");
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, 5, number => FaultQueue.Probe(number) with { NotBefore = number == 0 ? TimeProvider.System.GetUtcNow().AddSeconds(1) : null });
        await queue.AllDoneAsync();
        await HealthyAsync(worker);
        report.Add("user without the right to configure", await queue.CloseAsync(), "works with what is declared");
        await broker.ControlAsync("delete_user", user);
    }

    [FaultFact(Timeout = 60_000)]
    public async Task A_limit_on_queues_is_said_and_nobody_is_told_to_delete_one()
    {
        await broker.EnsureRunningAsync();
        string vhost = $"v{Guid.NewGuid():N}"[..12];
        await AddVhostAsync(vhost);
        await broker.ControlAsync("set_vhost_limits", "-p", vhost, "{\"max-queues\": 3}");
        await using FaultQueue queue = new(broker, $"{broker.ConnectionString}/{vhost}");
        IHost host = await queue.StartAsync(builder => builder.AddTaskQueue());
        await StoppedAsync(host);
        Environment.ExitCode = 0;
        string said = Assert.Single(queue.Logged, line => line.StartsWith("Critical", StringComparison.Ordinal));
        Assert.Contains("Raise the limit", said, StringComparison.Ordinal);
        Assert.DoesNotContain("delete_queue", said, StringComparison.Ordinal);
        await queue.StopAsync();
        await broker.ControlAsync("delete_vhost", vhost);
    }

    private FaultQueue Queue(string user) => new(broker, new UriBuilder(broker.ConnectionString) { UserName = user, Password = user }.Uri.ToString().TrimEnd('/'));

    private async Task<string> UserAsync(string configure)
    {
        await broker.EnsureRunningAsync();
        string user = $"u{Guid.NewGuid():N}"[..12];
        await AddUserAsync(user, configure);
        return user;
    }

    private async Task AddUserAsync(string user, string configure)
    {
        await broker.ControlAsync("add_user", user, user);
        await broker.ControlAsync("set_permissions", user, configure, ".*", ".*");
    }

    private async Task AddVhostAsync(string vhost)
    {
        await broker.ControlAsync("add_vhost", vhost);
        await broker.ControlAsync("set_permissions", "-p", vhost, "tests", ".*", ".*", ".*");
    }

    private Task CutAsync() => broker.ControlAsync("close_all_connections", "test");

    private static Task UnhealthyAsync(IHost host, string reason) => HealthAsync(host, report => report.Status == HealthStatus.Unhealthy
        && report.Entries.Values.Any(entry => entry.Description?.Contains(reason, StringComparison.Ordinal) == true));

    private static Task HealthyAsync(IHost host) => HealthAsync(host, report => report.Status == HealthStatus.Healthy);

    private static Task HealthAsync(IHost host, Func<HealthReport, bool> isExpected) =>
        Eventually.HealthAsync(host, isExpected, "the health is as expected", 2 * TestEnvironment.Patience);

    private static async Task StoppedAsync(IHost host) => await Eventually.TrueAsync(
        () => host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested, "the program stops");
}
