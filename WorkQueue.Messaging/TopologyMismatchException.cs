using System.Text.RegularExpressions;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging;

/// <summary>
/// An exchange or queue exists on the broker with other properties than the settings ask for. The program stops: nothing is ever
/// deleted or changed by itself.
/// </summary>
public sealed partial class TopologyMismatchException : Exception
{
    private TopologyMismatchException(string message, Exception cause, string name, string? argument, string? wanted, string? current)
        : base(message, cause) => (Name, Argument, Wanted, Current) = (name, argument, wanted, current);

    /// <summary>The name of the exchange or queue.</summary>
    public string Name { get; }

    /// <summary>What differs, for example <c>x-queue-type</c>; null where the broker did not say.</summary>
    public string? Argument { get; }

    /// <summary>What the settings ask for; null where the broker did not say.</summary>
    public string? Wanted { get; }

    /// <summary>What the broker has; null where it did not say.</summary>
    public string? Current { get; }

    internal static TopologyMismatchException Of(string kind, string name, string brokerText, Exception cause)
    {
        Match said = Inequivalent().Match(brokerText);
        (string? argument, string? wanted, string? current) = said.Success
            ? (said.Groups["argument"].Value, Plain(said.Groups["wanted"].Value), Plain(said.Groups["current"].Value))
            : (null, null, null);
        string difference = argument is null ? $"exists with other properties ({brokerText})" : $"has {argument} = {current}, and the settings ask for {wanted}";
        string message =
            $"The {kind} '{name}' {difference}. It cannot be changed in place. Either set the old value again; or take another name "
            + $"({WorkQueueOptions.Section}:Prefix or {WorkQueueOptions.Section}:Queues:<queue>:Name), run workers on both until the old one is empty and delete it; "
            + $"or, if it holds nothing you need: rabbitmqctl delete_{kind} {name}";
        if (name.EndsWith(TaskQueue.LaneMarkEnd, StringComparison.Ordinal))
        {
            message = $"The queue '{name[..^TaskQueue.LaneMarkEnd.Length]}' has {current}, and the settings ask for {wanted}. Tasks of a key would go to another lane, and those of a lane that is no more would "
                + "wait for ever. Either set the old value again; or stop the producers, let the workers run until its lanes are empty, stop them, delete the exchange "
                + $"(rabbitmqadmin delete exchange name={name}) and start all with the new value.";
        }

        return new TopologyMismatchException(message, cause, name, argument, wanted, current);
    }

    // 3.10 says "the value '10' of type 'signedint'" where 4.x says "'10'".
    private static string Plain(string value) => Quoted().Match(value) is { Success: true } quoted ? quoted.Groups["value"].Value : value;

    [GeneratedRegex("inequivalent arg '(?<argument>[^']+)' for .*: received (?<wanted>.+) but current is (?<current>.+)$")]
    private static partial Regex Inequivalent();

    [GeneratedRegex("'(?<value>[^']*)'")]
    private static partial Regex Quoted();
}
