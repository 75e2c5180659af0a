using Microsoft.AspNetCore.Http;
using WorkQueue.Board.Api;

namespace WorkQueue.Tests.Unit;

public sealed class IdempotencyKeyTests
{
    [Fact]
    public void The_same_key_gives_the_same_UUID_of_version_8_and_another_key_another()
    {
        Guid id = Guid.Parse(IdempotencyKey.TaskIdOf("order-17"));
        Assert.Equal(8, id.Version);
        Assert.Equal(0x8, id.Variant & 0xc);
        Assert.Equal(id.ToString(), IdempotencyKey.TaskIdOf("order-17"));
        Assert.NotEqual(id.ToString(), IdempotencyKey.TaskIdOf("order-18"));
    }

    [Fact]
    public void Without_the_header_the_task_gets_an_id_of_its_own() => Assert.Null(IdempotencyKey.TaskIdOf(new DefaultHttpContext().Request));

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public void An_empty_or_overlong_key_is_refused(int length)
    {
        DefaultHttpContext context = new();
        context.Request.Headers["Idempotency-Key"] = new string('k', length);
        Assert.Contains("Idempotency-Key has", Assert.Throws<BadHttpRequestException>(() => IdempotencyKey.TaskIdOf(context.Request)).Message, StringComparison.Ordinal);
    }
}
