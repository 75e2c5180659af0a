using System.Reflection;
using Microsoft.Extensions.Logging;
using WorkQueue.Board;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;

namespace WorkQueue.Tests.Unit;

/// <summary>What is logged.</summary>
public sealed class LogMessageTests
{
    // An alert, and the page for the night, know a message by its number, in one program that has all of these.
    [Fact]
    public void Each_message_has_a_number_of_its_own()
    {
        Assembly[] parts = [typeof(ITaskQueue).Assembly, typeof(TaskBoardOptions).Assembly, typeof(TaskOutboxOptions).Assembly, typeof(WebhookOptions).Assembly];
        int[][] numbers = [.. parts.Select(part => part.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToArray())];
        Assert.All(numbers, part => Assert.NotEmpty(part));
        Assert.Equal([], numbers.SelectMany(part => part).GroupBy(number => number).Where(same => same.Count() > 1).Select(same => same.Key));
    }
}
