using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Finds the place of the read model's file, and opens it.</summary>
internal static class StoreFile
{
    // About 200 MB.
    private const int MostInMemory = 1_000_000;

    /// <summary>Opens it, anew where it is of no use.</summary>
    /// <exception cref="OptionsValidationException">The file that the settings name cannot be used.</exception>
    public static TaskProjection Open(IServiceProvider provider)
    {
        TaskBoardOptions options = provider.GetRequiredService<IOptions<TaskBoardOptions>>().Value;
        ILogger logger = provider.GetRequiredService<ILogger<TaskProjection>>();
        TimeProvider clock = provider.GetRequiredService<TimeProvider>();
        string path = options.Store ?? DefaultPath(provider);
        path = path == TaskDatabase.Memory ? path : Path.GetFullPath(path, provider.GetRequiredService<IHostEnvironment>().ContentRootPath);
        try
        {
            return Open(path, options.MaxTasks, clock, logger);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SqliteException)
        {
            if (options.Store is not null)
            {
                throw new OptionsValidationException(Options.DefaultName, typeof(TaskBoardOptions), [$"{TaskBoardOptions.Section}:{nameof(TaskBoardOptions.Store)} is '{options.Store}', where no file can be kept ({failure.Message}); name another or '{TaskDatabase.Memory}'."]);
            }

            // A container may have no folder to write into.
            logger.StoreInMemory(path, failure.Message);
            return Open(TaskDatabase.Memory, Math.Min(options.MaxTasks, MostInMemory), clock, logger);
        }
    }

    private static TaskProjection Open(string path, int maxTasks, TimeProvider clock, ILogger logger)
    {
        TaskDatabase database = TaskDatabase.Open(path, reason => logger.StoreDamaged(path, reason));
        try
        {
            return new TaskProjection(database, maxTasks, clock);
        }
        catch (SqliteException failure) when (TaskDatabase.IsDamage(failure))
        {
            logger.StoreDamaged(database.Path, failure.Message);
            database.Recreate();
            return new TaskProjection(database, maxTasks, clock);
        }
    }

    private static string DefaultPath(IServiceProvider provider)
    {
        string output = provider.GetRequiredService<IConfiguration>()[$"{WorkQueueOptions.Section}:Output"] ?? "output";
        return Path.Combine(output, "..", "store", $"{provider.GetRequiredService<IOptions<WorkQueueOptions>>().Value.Prefix}.db");
    }
}
