using System.Text.Json;

namespace WorkQueue.Messaging.Wire;

/// <summary>What a handler returned, as JSON; or, where that cannot be written, why not. A task whose result is not kept has succeeded all the same.</summary>
/// <param name="Json">The result; empty where there is none.</param>
/// <param name="Note">Why it is not there.</param>
internal sealed record WrittenResult(ReadOnlyMemory<byte> Json, string? Note = null)
{
    /// <summary>Of a handler that returns nothing.</summary>
    public static readonly WrittenResult None = new(ReadOnlyMemory<byte>.Empty);

    /// <summary>Of a handler whose time was up while its result was written.</summary>
    public static readonly WrittenResult Late = new(ReadOnlyMemory<byte>.Empty, "The result was not written within the time of the task.");

    /// <summary>Writes a result: part of the run, since getters and sequences are the handler's own code and may block, throw or never end.</summary>
    /// <param name="result">What the handler returned.</param>
    /// <param name="declared">What the handler says that it returns; null where it does not.</param>
    /// <param name="json">The program's JSON.</param>
    /// <param name="maxBytes">No more is written.</param>
    /// <param name="cancellationToken">That of the run.</param>
    public static async ValueTask<WrittenResult> OfAsync(object? result, Type? declared, PayloadCodec json, int maxBytes, CancellationToken cancellationToken)
    {
        if (result is null)
        {
            return None;
        }

        BoundedStream written = new(maxBytes);
        try
        {
            await JsonSerializer.SerializeAsync(written, result, json.ResultType(result, declared), cancellationToken);
            return new WrittenResult(written.ToArray());
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Late;
        }
#pragma warning disable CA1031 // Whatever the handler's own code throws, the task is done.
        catch (Exception misfit)
#pragma warning restore CA1031
        {
            return new WrittenResult(
                ReadOnlyMemory<byte>.Empty, written.IsFull ? $"The result has more than {maxBytes} bytes." : $"The result cannot be written as JSON: {HandlerFailure.TextOf(misfit)}");
        }
    }

    private sealed class BoundedStream(int maxBytes) : MemoryStream
    {
        public bool IsFull { get; private set; }

        public override void Write(byte[] buffer, int offset, int count)
        {
            IsFull = Length + count > maxBytes;
            if (IsFull)
            {
                throw new IOException("full");
            }

            base.Write(buffer, offset, count);
        }

        // MemoryStream's own leads back to the one above.
        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
    }
}
