using System.Text;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Board;

public sealed class NewTaskFormTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    [InlineData("2 h", 7200)]
    [InlineData("1d", 86400)]
    [InlineData("00:10:00", 600)]
    [InlineData("2030-01-31T13:00:00Z", 3600)]
    [InlineData("2030-01-31T13:00:00+01:00", 0)]
    public void A_delay_can_be_written_in_several_ways(string text, double seconds)
    {
        NewTask task = new NewTaskForm { Type = "simulate", Payload = "{}", Delay = text }.ToTask(Now, out _)!;
        Assert.Equal(Now.AddSeconds(seconds), task.NotBefore);
    }

    [Theory]
    [InlineData("payload", "{", "")]
    [InlineData("payload", "", "")]
    [InlineData("payload", """{"a":1,"a":2}""", "")]
    [InlineData("delay", "{}", "soon")]
    [InlineData("delay", "{}", "-5s")]
    [InlineData("delay", "{}", "2030-01-31T13:00:00")]
    public void What_is_wrong_is_said_at_its_field(string field, string payload, string delay)
    {
        Assert.Null(new NewTaskForm { Type = "simulate", Payload = payload, Delay = delay }.ToTask(Now, out NewTaskForm wrong));
        Assert.Equal([field], wrong.Errors.Keys);
    }

    [Fact]
    public void A_text_is_sent_as_it_was_typed()
    {
        NewTaskForm form = NewTaskForm.Read(name => name switch { "payload" => "one\r\ntwo", "format" => "text", _ => null });
        NewTask task = form.ToTask(Now, out _)!;
        Assert.Equal(("one\ntwo", "text/plain", null), (Encoding.UTF8.GetString(task.Body.Span), task.ContentType, task.Type));
    }

    [Theory]
    [InlineData(InvalidTaskReason.UnknownType, "x", "type")]
    [InlineData(InvalidTaskReason.UnknownQueue, "x", "queue")]
    [InlineData(InvalidTaskReason.TooLarge, "x", "payload")]
    [InlineData(InvalidTaskReason.Malformed, "The deadline is over.", "deadline")]
    public void What_the_queue_refuses_is_said_at_its_field_too(InvalidTaskReason reason, string message, string field) =>
        Assert.Equal(message, new NewTaskForm().With(new InvalidTaskException(reason, message)).Errors[field]);

    [Theory]
    [InlineData("Connection to … failed after …", "failed after")]
    [InlineData("…", "System.IO.IOException")]
    public void The_letters_of_a_group_are_found_by_what_their_errors_have_in_common(string error, string expected)
    {
        DeadGroup group = new("default", "simulate", "System.IO.IOException", error, "Connection to 'a' failed after 3 s", 2, Now);
        Assert.Equal(new LetterFilter(null, "default", "simulate", expected.Length < 13 ? "Connection to" : expected), LetterFilter.Of(group));
    }
}
