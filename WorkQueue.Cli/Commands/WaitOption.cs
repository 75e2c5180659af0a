using System.CommandLine;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>--wait [10s]</c> of <c>send</c>: the duration may be left out, also before the words of the text.</summary>
internal static class WaitOption
{
    private const string Name = "--wait";
    private const string Forever = "forever";

    public static Option<TimeSpan?> Create() => new(Name)
    {
        Description = $"Wait until the task has ended, at most so long; without a duration as long as it takes ({Durations.Rule}).",
        HelpName = "duration",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text == Forever)
            {
                return Timeout.InfiniteTimeSpan;
            }

            if (!Durations.TryParse(text, out TimeSpan duration))
            {
                result.AddError($"{Name} is '{text}'; {Durations.Rule}.");
            }

            return duration;
        },
    };

    /// <summary>Adds what is left out, so that the parser does not take a word of the text for the duration.</summary>
    public static IReadOnlyList<string> Complete(IReadOnlyList<string> args)
    {
        List<string> complete = [.. args];
        for (int i = 0; i < complete.Count && complete[i] != "--"; i++)
        {
            bool hasDuration = i + 1 < complete.Count && Durations.TryParse(complete[i + 1], out _);
            if (complete[i] == Name && !hasDuration)
            {
                complete[i] = $"{Name}={Forever}";
            }
        }

        return complete;
    }
}
