using System.Reflection;

namespace WorkQueue.Messaging;

/// <summary>What users' code threw, which may be anything.</summary>
internal static class HandlerFailure
{
    /// <summary>
    /// What it says of the task, by a <see cref="TaskRejectedException"/> or a <see cref="TaskRetryException"/>, also where others are thrown beside it or the runtime has
    /// wrapped it; else the failure itself.
    /// </summary>
    public static Exception Decisive(Exception failure) => Find(failure) ?? failure;

    /// <summary>Its text. One that throws when it is asked for it is told by its type.</summary>
    public static string TextOf(Exception failure)
    {
        try
        {
            return failure.Message ?? "";
        }
#pragma warning disable CA1031 // The boundary to the user's code.
        catch (Exception)
#pragma warning restore CA1031
        {
            return $"({failure.GetType().Name}, whose Message throws)";
        }
    }

    /// <summary>For the log, where it must not look like an entry of its own.</summary>
    public static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static Exception? Find(Exception? failure) => failure switch
    {
        TaskRejectedException or TaskRetryException => failure,
        // One that can never succeed decides for all.
        AggregateException several => several.InnerExceptions.Select(Find).OfType<Exception>().OrderBy(found => found is TaskRejectedException ? 0 : 1).FirstOrDefault(),
        TargetInvocationException or TypeInitializationException => Find(failure.InnerException),
        _ => null,
    };
}
