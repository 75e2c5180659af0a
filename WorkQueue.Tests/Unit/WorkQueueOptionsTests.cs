using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

public sealed class WorkQueueOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => Assert.Equal([], Problems());

    [Theory]
    [InlineData("Prefix", "a.b")]
    [InlineData("Prefix", "")]
    [InlineData("PublishWindow", "0")]
    [InlineData("PublishWindow", "101")]
    [InlineData("ConfirmTimeout", "00:00:00")]
    [InlineData("Heartbeat", "00:00:00.5")]
    [InlineData("MaxPayloadBytes", "0")]
    [InlineData("Worker:Concurrency", "0")]
    [InlineData("Worker:Concurrency", "1025")]
    [InlineData("Worker:TaskTimeout", "00:30:00")]
    [InlineData("Worker:TaskTimeout", "00:00:00")]
    [InlineData("Worker:Queues", "nowhere")]
    [InlineData("Worker:Queues", "default,high")]
    [InlineData("Worker:Queues", "default,default")]
    [InlineData("Worker:DrainTimeout", "-00:00:01")]
    [InlineData("Retry:Jitter", "1.5")]
    [InlineData("Retry:Delays:0", "41.00:00:00")]
    [InlineData("Queues:a b:DeliveryLimit", "5")]
    [InlineData("Queues:history:DeliveryLimit", "5")]
    [InlineData("Queues:default:DeliveryLimit", "0")]
    [InlineData("Queues:default:MaxRunning", "0")]
    [InlineData("Queues:default:MaxRunning", "1001")]
    [InlineData("Queues:default:Lanes", "0")]
    [InlineData("Queues:default:Lanes", "257")]
    [InlineData("Queues:default:MaxRunningPerKey", "5")]
    [InlineData("Queues:default:Ordered", "true")]
    [InlineData("Types:resize:MaxRunning", "0")]
    [InlineData("Queues:default:Rate", "30")]
    [InlineData("Queues:default:Rate", "0/00:01:00")]
    [InlineData("Queues:default:Rate", "100001/00:01:00")]
    [InlineData("Queues:default:Rate", "30/00:00:00.5")]
    [InlineData("Queues:default:Rate", "30/1.00:00:01")]
    [InlineData("Queues:default:Rate", "-30/00:01:00")]
    [InlineData("Queues:default:RatePerKey", "30/00:01:00")]
    [InlineData("Types:resize:Rate", "30")]
    [InlineData("Types:resize:Rate", "30/00:00:00.5")]
    [InlineData("Types:resize:Queue", "nowhere")]
    [InlineData("Types:resize:Timeout", "01:00:00")]
    public void A_value_out_of_range_is_named_with_its_whole_key_and_what_is_allowed(string key, string value)
    {
        string problem = Assert.Single(Problems((key, value)));
        string named = key.StartsWith("Queues:", StringComparison.Ordinal) && !key.StartsWith("Queues:default", StringComparison.Ordinal) ? key[..key.LastIndexOf(':')] : key;
        Assert.StartsWith($"WorkQueue:{named} is '", problem, StringComparison.Ordinal);
        Assert.Contains("allowed:", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Queues:default:RatePerKey is '30'; allowed: a number of 1 to 100000, a slash", "Queues:default:Lanes=4", "Queues:default:RatePerKey=30")]
    [InlineData("Queues:default:RatePerKey is '5/00:00:01'; allowed: none where Queues:default:Rate is set", "Queues:default:Lanes=4", "Queues:default:RatePerKey=5/00:00:01", "Queues:default:Rate=9/00:00:01")]
    [InlineData("Queues:default:Ordered is 'True'; allowed: false where Queues:default:Rate or RatePerKey is set", "Queues:default:Lanes=4", "Queues:default:RatePerKey=5/00:00:01", "Queues:default:Ordered=true")]
    [InlineData("Types:resize:Rate is '5/00:00:01'; allowed: none where Queues:default has", "Types:resize:Rate=5/00:00:01", "Queues:default:Rate=9/00:00:01")]
    [InlineData("Types:resize:Rate is '5/00:00:01'; allowed: none where Queues:default has", "Types:resize:Rate=5/00:00:01", "Queues:default:Lanes=4")]
    [InlineData("Types:resize:Rate is '5/00:00:01'; allowed: none where Queues:default has", "Types:resize:Rate=5/00:00:01", "Queues:default:Priorities=true")]
    [InlineData("Types:resize:Rate is '5/00:00:01'; allowed: none where Queues:default has", "Types:resize:Rate=5/00:00:01", "Queues:default:Name=shared")]
    public void Rates_that_do_not_go_with_something_else_are_refused_with_what_does(string expected, params string[] settings) =>
        Assert.StartsWith($"WorkQueue:{expected}", Assert.Single(Problems(Pairs(settings))), StringComparison.Ordinal);

    [Theory]
    [InlineData("Queues:default:Lanes=4", "Queues:default:RatePerKey=5/00:00:01", "Queues:default:MaxRunningPerKey=2")]
    [InlineData("Queues:default:Lanes=4", "Queues:default:RatePerKey=5/00:00:01", "Queues:default:MaxRunning=2")]
    [InlineData("Queues:default:Rate=5/00:00:01", "Types:resize:MaxRunning=2")]
    [InlineData("Types:resize:Rate=5/00:00:01", "Types:resize:MaxRunning=2")]
    [InlineData("Types:resize:Rate=5/00:00:01", "Queues:default:MaxRunning=2")]
    public void A_rate_goes_with_a_limit(params string[] settings) => Assert.Equal([], Problems(Pairs(settings)));

    [Theory]
    [InlineData("Queues:orders", "quorum")]
    [InlineData("Queues", "orders")]
    [InlineData("Retry:Delays", "00:00:05")]
    [InlineData("Tls", "true")]
    public void A_value_where_there_are_settings_below_is_refused_and_makes_no_queue(string key, string value) =>
        Assert.Contains($"WorkQueue:{key} is '{value}', and has settings of its own: write WorkQueue:{key}:", Assert.Single(Problems((key, value))), StringComparison.Ordinal);

    [Fact]
    public void A_list_of_delays_replaces_the_default_instead_of_adding_to_it() =>
        Assert.Equal([TimeSpan.FromSeconds(2)], Bind(("Retry:Delays:0", "00:00:02")).Value.Retry.EffectiveDelays);

    [Theory]
    [InlineData("Worker:Concurrency", "many", "a whole number")]
    [InlineData("Retry:Delays:0", "1s", "a duration hh:mm:ss[.fff]")]
    [InlineData("Retry:Jitter", "much", "a number")]
    [InlineData("Types:resize:Timeout", "abc", "a duration hh:mm:ss[.fff]")]
    [InlineData("Types:resize:RetryDelays:0", "5 s", "a duration hh:mm:ss[.fff]")]
    [InlineData("Queues:q:Type", "mirrored", "Quorum, Classic")]
    [InlineData("TraceLinks", "7", "Parent, Link")]
    public void A_value_of_the_wrong_kind_is_named_with_its_key_and_never_dropped(string key, string value, string allowed) =>
        Assert.Equal($"WorkQueue:{key} is '{value}'; allowed: {allowed}.", Assert.Single(Problems((key, value))));

    [Theory]
    [InlineData("Worker:Concurency", "WorkQueue:Worker:Concurency is no setting; was WorkQueue:Worker:Concurrency meant?")]
    [InlineData("heartbeats", "WorkQueue:heartbeats is no setting; was WorkQueue:Heartbeat meant?")]
    [InlineData("Theme:Colour", "WorkQueue:Theme is no setting; there are BrokerConsumerTimeout, ConfirmTimeout")]
    [InlineData("Types:resize:Delay", "WorkQueue:Types:resize:Delay is no setting; there are MaxRunning, Queue, Rate, RetryDelays, Timeout")]
    public void A_key_that_does_not_exist_is_told_with_the_nearest_that_does_and_stops_nothing(string key, string expected)
    {
        Assert.Equal([], Problems((key, "1")));
        Assert.StartsWith(expected, Assert.Single(SettingsReader.UnknownIn(Configuration((key, "1")))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_string_that_is_none_stops_the_start_like_any_other_wrong_value()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:rabbitmq", "localhost:5672"), new("WorkQueue:PublishWindow", "many")]);
        builder.AddTaskQueue();
        using IHost host = builder.Build();
        string[] problems = [.. Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<IOptions<WorkQueueOptions>>().Value).Failures];
        Assert.Equal(2, problems.Length);
        Assert.StartsWith("ConnectionStrings:rabbitmq is not the address of a broker; allowed: amqp", problems[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_the_section_that_others_read_are_left_to_them() => Assert.Equal([], SettingsReader.UnknownIn(Configuration(
        ("ApiKeys:0", "secret"), ("Output", "/tmp"), ("Webhooks:AllowedHosts:0", "example.com"), ("ManagementUrl", "http://localhost"))));

    [Theory]
    [InlineData(true, "Queues:default:Rate=5/00:00:01")]
    [InlineData(true, "Queues:default:Lanes=4", "Queues:default:RatePerKey=5/00:00:01")]
    [InlineData(true, "Types:resize:Rate=5/00:00:01")]
    [InlineData(false, "Types:resize:MaxRunning=2", "Queues:other:MaxRunning=2")]
    public void A_rate_of_whatever_kind_is_one_that_somebody_has_to_give_out(bool expected, params string[] settings) => Assert.Equal(expected, TaskRate.IsIn(Bind(Pairs(settings)).Value));

    private static (string Key, string Value)[] Pairs(string[] settings) => [.. settings.Select(setting => setting.Split('=')).Select(pair => (pair[0], pair[1]))];

    private static IEnumerable<string> Problems(params (string Key, string Value)[] settings)
    {
        try
        {
            _ = Bind(settings).Value;
            return [];
        }
        catch (OptionsValidationException invalid)
        {
            return invalid.Failures;
        }
    }

    private static IOptions<WorkQueueOptions> Bind(params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(Entries(settings));
        builder.AddTaskQueue();
        return builder.Services.BuildServiceProvider().GetRequiredService<IOptions<WorkQueueOptions>>();
    }

    private static IConfiguration Configuration(params (string Key, string Value)[] settings) => new ConfigurationBuilder().AddInMemoryCollection(Entries(settings)).Build();

    private static IEnumerable<KeyValuePair<string, string?>> Entries((string Key, string Value)[] settings) =>
        settings.Select(setting => KeyValuePair.Create($"WorkQueue:{setting.Key}", (string?)setting.Value));
}
