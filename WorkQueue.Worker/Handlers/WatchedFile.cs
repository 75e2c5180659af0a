namespace WorkQueue.Worker.Handlers;

/// <summary>
/// A file that remembers what went wrong with it: a library may keep the error of a disk to itself, and tell of its own trouble only,
/// but the one passes and the other does not.
/// </summary>
internal sealed class WatchedFile(string path, FileMode mode, FileAccess access) : FileStream(path, mode, access, FileShare.Read)
{
    /// <summary>The last error of reading or writing, or null.</summary>
    public IOException? Failure { get; private set; }

    /// <summary>Told how much is read, in percent, after each part.</summary>
    public Action<int>? Progress { get; set; }

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            int read = base.Read(buffer, offset, count);
            Progress?.Invoke((int)(100 * Position / Math.Max(1, Length)));
            return read;
        }
        catch (IOException failure)
        {
            Failure = failure;
            throw;
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            base.Write(buffer, offset, count);
        }
        catch (IOException failure)
        {
            Failure = failure;
            throw;
        }
    }
}
