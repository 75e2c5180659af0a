using System.Security.Cryptography;

namespace WorkQueue.AppHost;

/// <summary>
/// The folder of a local broker. One that is kept (Broker:Persist) is always the same; any other has a name of its own and goes
/// with the AppHost. A lock file beside it, held while the AppHost lives, tells folders in use from those of runs that were killed.
/// </summary>
internal sealed class LocalBrokerFolder : IDisposable
{
    private const string KeptName = "broker";
    private readonly FileStream _lock;

    private LocalBrokerFolder(string path, FileStream held)
    {
        Path = path;
        _lock = held;
        CreatePrivate(path);
        Password = ReadOrCreatePassword(System.IO.Path.Combine(path, "password"));
    }

    public string Path { get; }

    /// <summary>Kept with the data, since the broker creates its user only once.</summary>
    public string Password { get; }

    public static LocalBrokerFolder Open(string root, bool persist)
    {
        Directory.CreateDirectory(root);
        RemoveLeftovers(root);
        string path = System.IO.Path.Combine(root, persist ? KeptName : $"{KeptName}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        return TryHold(LockOf(path)) is { } held
            ? new LocalBrokerFolder(path, held)
            : throw new SettingException($"{AppHostSettings.PersistKey} is 'true', but another AppHost runs on {path}; allowed: true in one AppHost at a time, or false.");
    }

    public void Dispose()
    {
        if (System.IO.Path.GetFileName(Path) == KeptName)
        {
            _lock.Dispose();
        }
        else
        {
            Remove(Path, _lock);
        }
    }

    private static void RemoveLeftovers(string root)
    {
        foreach (string file in Directory.GetFiles(root, $"{KeptName}-*.lock"))
        {
            if (TryHold(file) is { } held)
            {
                Remove(file[..^".lock".Length], held);
            }
        }
    }

    // What cannot be removed now, because its broker has not ended yet, is a leftover for the next start.
    private static void Remove(string path, FileStream held)
    {
        using (held)
        {
            try
            {
                string running = System.IO.Path.Combine(path, "running");
                if (File.Exists(running))
                {
                    using FileStream ended = new(running, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                }

                if (Directory.Exists(path))
                {
                    Directory.Delete(path, recursive: true);
                }

                File.Delete(held.Name);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
            }
        }
    }

    private static string LockOf(string path) => path + ".lock";

    private static FileStream? TryHold(string file)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static string ReadOrCreatePassword(string file)
    {
        if (!File.Exists(file))
        {
            File.WriteAllText(file, RandomNumberGenerator.GetHexString(32, lowercase: true)); // in a folder nobody else can enter
        }

        return File.ReadAllText(file);
    }
}
