using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>MassTransit on a quorum queue, with confirms; consuming, a receive endpoint with as many consumers at once and as much prefetch as the others have slots.</summary>
internal static class MassTransitPeer
{
    private const string Queue = "masstransit";

    /// <summary>Confirmed messages a second.</summary>
    public static async Task<double> SendAsync(Stage stage, int callers, string payload, TimeSpan time)
    {
        await ClearAsync(stage);
        using IHost host = await StartAsync(stage, null);
        ISendEndpoint endpoint = await host.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri($"exchange:{Queue}"));
        double rate = await Load.RateAsync(callers, time, () => endpoint.Send(new Noop(payload)));
        await host.StopAsync();
        return rate;
    }

    /// <summary>Messages consumed a second.</summary>
    public static async Task<double> ConsumeAsync(Stage stage, int slots, int count)
    {
        await ClearAsync(stage);
        using (IHost sender = await StartAsync(stage, null))
        {
            ISendEndpoint endpoint = await sender.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri($"exchange:{Queue}"));
            await Load.TimesAsync(64, count, () => endpoint.Send(new Noop(new string('x', 100))));
            await sender.StopAsync();
        }

        Tally tally = new(count);
        using IHost host = await StartAsync(stage, tally, slots);
        await tally.All;
        await host.StopAsync();
        return tally.Rate;
    }

    private static Task ClearAsync(Stage stage) => stage.OnChannelAsync(async channel =>
    {
        await channel.ExchangeDeclareAsync(Queue, ExchangeType.Fanout, durable: true);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, Stage.Quorum);
        await channel.QueueBindAsync(Queue, Queue, "");
        await channel.QueuePurgeAsync(Queue);
    });

    private static async Task<IHost> StartAsync(Stage stage, Tally? tally, int slots = 1)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        // It keeps the first host's for all later ones, which is disposed of by then.
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        if (tally is not null)
        {
            builder.Services.AddSingleton(tally);
        }

        builder.Services.AddMassTransit(bus =>
        {
            if (tally is not null)
            {
                bus.AddConsumer<NoopConsumer>();
            }

            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.Host(new Uri(stage.ConnectionString + "/"));
                if (tally is null)
                {
                    return;
                }

                rabbit.ReceiveEndpoint(Queue, endpoint =>
                {
                    endpoint.SetQuorumQueue();
                    endpoint.ConfigureConsumeTopology = false;
                    endpoint.PrefetchCount = (ushort)slots;
                    endpoint.ConcurrentMessageLimit = slots;
                    endpoint.ConfigureConsumer<NoopConsumer>(context);
                });
            });
        });
        IHost host = builder.Build();
        await host.StartAsync();
        await host.Services.GetRequiredService<IBusControl>().WaitForHealthStatus(BusHealthStatus.Healthy, TimeSpan.FromSeconds(20));
        return host;
    }

    internal sealed record Noop(string Payload);

    private sealed class NoopConsumer(Tally tally) : IConsumer<Noop>
    {
        public Task Consume(ConsumeContext<Noop> context)
        {
            tally.Mark();
            return Task.CompletedTask;
        }
    }
}
