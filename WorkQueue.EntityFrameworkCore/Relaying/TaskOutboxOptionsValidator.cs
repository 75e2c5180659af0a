using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Hosting;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Checks the settings when the host starts.</summary>
internal sealed class TaskOutboxOptionsValidator : IValidateOptions<TaskOutboxOptions>
{
    public ValidateOptionsResult Validate(string? name, TaskOutboxOptions options)
    {
        List<string> problems =
        [
            .. InRange(nameof(options.PollInterval), options.PollInterval, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1)),
            .. Of(options.BatchSize is >= 1 and <= 1000, nameof(options.BatchSize), options.BatchSize, "1 to 1000"),
            .. Of(options.MaxAttempts is >= 1 and <= 1000, nameof(options.MaxAttempts), options.MaxAttempts, "1 to 1000"),
            .. InRange(nameof(options.MaxRetryDelay), options.MaxRetryDelay, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        ];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> InRange(string key, TimeSpan value, TimeSpan from, TimeSpan to) => Of(value >= from && value <= to, key, value, $"{from} to {to}");

    private static IEnumerable<string> Of(bool valid, string key, object? value, string allowed) => WorkQueueOptionsValidator.Of(valid, $"Outbox:{key}", value, allowed);
}
