namespace WorkQueue.Messaging.Topology;

/// <summary>What the topic of an event may be; pure.</summary>
internal static class TopicRules
{
    public const string Rule = "words between dots, at most 255 bytes, without white space, '*' and '#'";

    /// <summary>The topic by which workers tell that they live; no user topic starts with it.</summary>
    public const string WorkerTopic = "worker";

    // What happens to tasks; the exchange is the same.
    private const string TaskWord = "task";

    /// <summary>Whether a topic is a user's, not one of ours.</summary>
    public static bool IsUsers(string topic) => topic != WorkerTopic && topic.Split('.')[0] != TaskWord;

    /// <summary>Refuses what is no topic.</summary>
    /// <exception cref="InvalidEventException">It breaks a rule.</exception>
    public static void Check(string topic)
    {
        if (!TopicPattern.FitsKey(topic) || !topic.Split('.').All(TopicPattern.IsWord))
        {
            throw new InvalidEventException(InvalidTaskReason.Malformed, $"'{topic}' is no topic: a topic is {Rule}.");
        }

        if (!IsUsers(topic))
        {
            throw new InvalidEventException(InvalidTaskReason.Malformed, $"Topic '{topic}' is reserved: '{TaskWord}.' is what happens to tasks, '{WorkerTopic}' the workers' own; choose another first word.");
        }
    }

    /// <summary>Reads a pattern that an event handler may have.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static TopicPattern PatternOf(string text)
    {
        if (!TopicPattern.TryParse(text, out TopicPattern? pattern))
        {
            throw new ArgumentException($"'{text}' is no topic pattern: it is {TopicPattern.Rule}.", nameof(text));
        }

        return pattern.FirstWord != TaskWord && text != WorkerTopic
            ? pattern
            : throw new ArgumentException($"Pattern '{text}' is of what happens to tasks, which handlers do not get: read ITaskHistory, or GET /events of the producer.", nameof(text));
    }

    /// <summary>Reads the name of a durable subscription.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static string NameOf(string subscription) => Names.IsValid(subscription)
        ? subscription
        : throw new ArgumentException($"'{subscription}' is no name of a subscription: it is {Names.Rule}.", nameof(subscription));
}
