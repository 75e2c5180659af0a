namespace WorkQueue.Tests.Deploy;

/// <summary>A test of the compose file with images that <c>deploy/check.sh</c> has published.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ComposeFactAttribute : FactAttribute
{
    public ComposeFactAttribute() => Skip = Tags.Length == 2 ? null : "Needs published images and compose: run deploy/check.sh.";

    /// <summary>The tags of the images: the version that is started, and the one it is upgraded to.</summary>
    public static string[] Tags { get; } = Environment.GetEnvironmentVariable("WORKQUEUE_CHECK_TAGS")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
}
