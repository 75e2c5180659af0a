using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit;

/// <summary>Tasks of a payload that names its type, and how it is written.</summary>
public sealed class PayloadTypeTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_payload_names_its_type_and_the_options_another()
    {
        Assert.Equal(("count-words", """{"text":"a b"}""", "application/json"), Read(Create(new CountWords("a b"))));
        Assert.Equal(("count-words", """{"text":"a b"}""", "application/json"), Read(Create<object>(new CountWords("a b"))));
        Assert.Equal("other", Create(new CountWords("a b"), new TaskOptions { Type = "other" }).Type);

        static (string?, string, string) Read(NewTask task) => (task.Type, System.Text.Encoding.UTF8.GetString(task.Body.Span), task.ContentType);
    }

    [Fact]
    public void A_payload_that_names_none_and_one_derived_from_one_that_does_are_refused()
    {
        Assert.StartsWith("String has no task type: put [TaskType(", Assert.Throws<ArgumentException>(() => Create("text")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Create(new CountMoreWords("a")));
        Assert.Throws<ArgumentNullException>(() => Create<CountWords>(null!));
        Assert.Throws<ArgumentException>(() => new ServiceCollection().AddTaskHandler<string>((_, _) => Task.CompletedTask));
    }

    [Fact]
    public void Of_a_plain_object_the_nearest_type_counts_that_names_one() => Assert.Equal("count-words", Create<object>(new CountMoreWords("a")).Type);

    [Fact]
    public async Task A_text_with_options_is_a_payload_and_a_named_type_takes_options_too()
    {
        await using TestTaskQueue queue = new();
        Assert.Equal("print", queue[(await queue.EnqueueAsync("hello", new TaskOptions { Type = "print" })).Id].Type);
        TestTask later = queue[(await queue.EnqueueAsync("print", "hello", new TaskOptions { Delay = TimeSpan.FromHours(1) })).Id];
        Assert.Equal(("print", TaskState.Scheduled, "hello"), (later.Type, later.State, later.ReadPayload<string>()));
    }

    [Fact]
    public void A_delay_is_not_negative_nor_beside_a_moment()
    {
        Assert.Equal(TimeSpan.FromMinutes(5), Create(new CountWords(""), new TaskOptions { Delay = TimeSpan.FromMinutes(5) }).Delay);
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(new CountWords(""), new TaskOptions { Delay = TimeSpan.FromTicks(-1) }));
        Assert.Throws<ArgumentException>(() => Create(new CountWords(""), new TaskOptions { Delay = TimeSpan.Zero, NotBefore = Now }));
    }

    [Fact]
    public void All_that_the_options_say_is_the_tasks()
    {
        NewTask task = Create(new CountWords(""), new TaskOptions { Queue = "q", Id = "i", NotBefore = Now.AddHours(1), Deadline = Now.AddHours(2) });
        Assert.Equal(("q", "i", Now.AddHours(1), Now.AddHours(2)), (task.Queue, task.Id, task.NotBefore, task.Deadline));
    }

    [Fact]
    public void Each_form_of_a_handler_takes_the_type_of_its_payload()
    {
        Assert.Equal("count-words", TypeOf(services => services.AddTaskHandler<CountWords, CountWordsHandler>()));
        Assert.Equal("count-words", TypeOf(services => services.AddTaskHandler<CountWords, int, CountWordsResultHandler>()));
        Assert.Equal("count-words", TypeOf(services => services.AddTaskHandler<CountWords>((_, _) => Task.CompletedTask)));
        Assert.Equal("count-words", TypeOf(services => services.AddTaskHandler<CountWords, int>((_, _) => Task.FromResult(1))));

        static string TypeOf(Action<IServiceCollection> add)
        {
            ServiceCollection services = new();
            add(services);
            return services.Select(service => service.ImplementationInstance).OfType<TaskHandlerRegistration>().Single().Type;
        }
    }

    [Fact]
    public async Task With_generated_JSON_alone_what_is_in_it_is_written_and_read_and_for_what_is_not_the_type_is_named()
    {
        TaskJsonOptions json = new();
        json.SerializerOptions.TypeInfoResolver = GeneratedJson.Default;
        PayloadCodec codec = new(Options.Create(json));
        byte[] body = codec.Write(new CountWords("a b"));
        Assert.Equal("""{"text":"a b"}"""u8.ToArray(), body);
        Assert.Equal(new CountWords("a b"), codec.Read<CountWords>(Message(body, "application/json")));
        Assert.Equal(new CountWords("a b"), codec.Read<CountWords>(Message("a b"u8.ToArray(), "text/plain")));
        Assert.Equal("a \"b\"", codec.Read<JsonElement>(Message("a \"b\""u8.ToArray(), "text/plain")).GetString());
        Assert.Equal("2"u8.ToArray(), (await WrittenResult.OfAsync(2, null, codec, 100, CancellationToken.None)).Json.ToArray());
        Assert.Equal(2, codec.ReadResult<int>("2"u8));
        // By what is declared: the type behind it has no name.
        Assert.Equal("""[{"text":"a"}]"""u8.ToArray(), (await WrittenResult.OfAsync(new CountWords[] { new("a") }.Where(_ => true), typeof(IEnumerable<CountWords>), codec, 100, CancellationToken.None)).Json.ToArray());
        Assert.Equal("3"u8.ToArray(), (await WrittenResult.OfAsync(3, typeof(int?), codec, 100, CancellationToken.None)).Json.ToArray());
        Assert.Equal("3"u8.ToArray(), (await WrittenResult.OfAsync(3, typeof(string), codec, 100, CancellationToken.None)).Json.ToArray());
        // Not the sender's fault: no rejection.
        Assert.Contains(nameof(Unlisted), Assert.Throws<NotSupportedException>(() => codec.Read<Unlisted>(Message(body, "application/json"))).Message, StringComparison.Ordinal);
        Assert.Contains(nameof(Unlisted), (await WrittenResult.OfAsync(new Unlisted(1), null, codec, 100, CancellationToken.None)).Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_of_JSON_count_for_payloads_and_results()
    {
        TaskJsonOptions json = new();
        json.SerializerOptions.Converters.Add(new JsonStringEnumConverter());
        PayloadCodec codec = new(Options.Create(json));
        Assert.Equal("\"Friday\""u8.ToArray(), codec.Write(DayOfWeek.Friday));
        Assert.Equal(DayOfWeek.Friday, codec.Read<DayOfWeek>(Message("\"Friday\""u8.ToArray(), "application/json")));
        Assert.Equal(DayOfWeek.Friday, codec.ReadResult<DayOfWeek>("\"Friday\""u8));
    }

    private static NewTask Create<TPayload>(TPayload payload, TaskOptions? options = null) =>
        NewTaskRules.Create(payload, options ?? new TaskOptions(), new PayloadCodec(Options.Create(new TaskJsonOptions())));

    private static TaskMessage Message(byte[] body, string contentType) => new() { Id = "1", Type = "t", Queue = "default", Body = body, ContentType = contentType };

    private sealed record Unlisted(int Number);

    private sealed record CountMoreWords(string Text) : CountWords(Text);

    private sealed class CountWordsHandler : ITaskHandler<CountWords>
    {
        public Task<object?> HandleAsync(CountWords payload, TaskContext context) => Task.FromResult<object?>(null);
    }

    private sealed class CountWordsResultHandler : ITaskHandler<CountWords, int>
    {
        public Task<int> HandleAsync(CountWords payload, TaskContext context) => Task.FromResult(1);
    }
}

[TaskType("count-words")]
internal record CountWords(string Text);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(CountWords))]
[JsonSerializable(typeof(IEnumerable<CountWords>))]
[JsonSerializable(typeof(int))]
internal sealed partial class GeneratedJson : JsonSerializerContext;
