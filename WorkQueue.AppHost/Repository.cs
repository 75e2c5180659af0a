namespace WorkQueue.AppHost;

/// <summary>The folder that holds the projects; what a run leaves behind goes to .workqueue in it.</summary>
internal static class Repository
{
    public static string Folder(IDistributedApplicationBuilder builder) => Path.GetFullPath("..", builder.AppHostDirectory);
}
