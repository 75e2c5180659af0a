using JasperFx;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Wolverine;
using Wolverine.Postgresql;
using Wolverine.RabbitMQ;
using WorkQueue.Benchmarks.Servers;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>
/// Wolverine on a quorum queue, with confirms: inline, where a send returns with the confirm and a message is acknowledged after its handler; or
/// durable, where both go through tables of PostgreSQL, and a send returns when it is committed.
/// </summary>
internal sealed class WolverinePeer(Stage stage, bool isDurable)
{
    private const string Queue = "wolverine";
    private const string Schema = "wolverine";

    public Contender Enqueue(int callers, string payload, TimeSpan time) => Of(() => SendAsync(callers, payload, time));

    public Contender Process(int slots, int count) => Of(() => ConsumeAsync(slots, count));

    private Contender Of(Func<Task<double>> measure) => new(isDurable ? "Wolverine, durable" : "Wolverine, inline", async () => [await measure()])
    {
        Missing = isDurable ? stage.Postgres.Missing : null,
    };

    // Confirmed or committed messages a second.
    private async Task<double> SendAsync(int callers, string payload, TimeSpan time)
    {
        await PrepareAsync();
        using IHost host = await StartAsync(null);
        double rate = await Load.RateAsync(callers, time, () => host.MessageBus().SendAsync(new Noop(payload)).AsTask());
        await host.StopAsync();
        await stage.OnChannelAsync(channel => channel.QueuePurgeAsync(Queue));
        return rate;
    }

    // Messages handled a second, all of them there before the first is; the first quarter warms up.
    private async Task<double> ConsumeAsync(int slots, int count)
    {
        await PrepareAsync();
        // Sent inline, whoever consumes: what waits in the outbox would be sent while others are handled.
        using (IHost sender = await new WolverinePeer(stage, isDurable: false).StartAsync(null))
        {
            await Load.TimesAsync(64, count, () => sender.MessageBus().SendAsync(new Noop(new string('x', 100))).AsTask());
            await sender.StopAsync();
        }

        // It compiles what calls the handler when the first message comes.
        Tally tally = new(count, warmUp: count / 4);
        using IHost host = await StartAsync(tally, slots);
        await tally.All;
        await host.StopAsync();
        return tally.Rate;
    }

    private Task PrepareAsync() => stage.OnChannelAsync(async channel =>
    {
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, Stage.Quorum);
        await channel.QueuePurgeAsync(Queue);
    });

    private async Task<IHost> StartAsync(Tally? tally, int slots = 1)
    {
        string? database = isDurable ? await PostgresDatabase.EmptyAsync(stage.Postgres, Schema) : null;
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        if (tally is not null)
        {
            builder.Services.AddSingleton<INoops>(new Noops(tally));
        }

        builder.UseWolverine(options =>
        {
            options.Durability.Mode = DurabilityMode.Solo;
            options.UseRuntimeCompilation();
            options.AutoBuildMessageStorageOnStartup = AutoCreate.CreateOrUpdate;
            options.Discovery.DisableConventionalDiscovery();
            options.UseRabbitMq(new Uri(stage.ConnectionString)).UseQuorumQueues().DisableDeadLetterQueueing().AutoProvision()
                .ConfigureChannelCreation(channel =>
                {
                    channel.PublisherConfirmationsEnabled = channel.PublisherConfirmationTrackingEnabled = true;
                    // Without it an inline listener runs one message at a time.
                    channel.ConsumerDispatchConcurrency = (ushort)slots;
                });
            if (database is not null)
            {
                options.PersistMessagesWithPostgresql(database, Schema);
            }

            if (tally is null)
            {
                RabbitMqSubscriberConfiguration sending = options.PublishMessage<Noop>().ToRabbitQueue(Queue);
                _ = isDurable ? sending.UseDurableOutbox() : sending.SendInline();
                return;
            }

            options.Discovery.IncludeType<NoopHandler>();
            RabbitMqListenerConfiguration listening = options.ListenToRabbitQueue(Queue);
            _ = isDurable ? listening.UseDurableInbox().MaximumParallelMessages(slots) : listening.PreFetchCount((ushort)slots).ProcessInline();
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private sealed class Noops(Tally tally) : INoops
    {
        public void Mark() => tally.Mark();
    }
}

#pragma warning disable CA1515, SA1402 // The code that Wolverine compiles at its start calls them.
/// <summary>A message.</summary>
public sealed record Noop(string Payload);

/// <summary>Is told of each.</summary>
public interface INoops
{
    void Mark();
}

/// <summary>Tells of each.</summary>
public sealed class NoopHandler(INoops noops)
{
    public void Handle(Noop message) => noops.Mark();
}
#pragma warning restore CA1515, SA1402
