using System.Buffers.Binary;

namespace WorkQueue.Messaging.Wire;

/// <summary>
/// The addresses that RabbitMQ gives out for direct replies: <c>amq.rabbitmq.reply-to.</c>, a process of the broker's, a dot and a key. Anybody can
/// write one into a message; to publish to one that is made up ends the whole connection on RabbitMQ 3.10 (541 INTERNAL_ERROR). One of the right form
/// that another broker gave out is not told from this one's.
/// </summary>
internal static class DirectReplyTo
{
    private const string Prefix = "amq.rabbitmq.reply-to.";

    // Erlang's external term format: a process id, after the version, in its two forms, and the ways to write the name of its node.
    private const byte Version = 131;
    private const byte ShortPid = 103;
    private const byte Pid = 88;
    private const byte OldAtom = 100;
    private const byte Atom = 118;
    private const byte SmallAtom = 119;

    /// <summary>Whether an answer can be published there: to a queue of any name, or to a process as the broker writes it.</summary>
    public static bool IsSafe(string replyTo)
    {
        if (!replyTo.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return true;
        }

        string[] parts = replyTo[Prefix.Length..].Split('.');
        Span<byte> process = stackalloc byte[byte.MaxValue];
        return parts is [{ Length: > 0 } encoded, { Length: > 0 }] && Convert.TryFromBase64String(encoded, process, out int length) && IsProcess(process[..length]);
    }

    private static bool IsProcess(ReadOnlySpan<byte> term)
    {
        if (term.Length < 5 || term[0] != Version || term[1] is not (Pid or ShortPid) || term[2] is not (OldAtom or Atom or SmallAtom))
        {
            return false;
        }

        int name = term[2] == SmallAtom ? 4 + term[3] : 5 + BinaryPrimitives.ReadUInt16BigEndian(term[3..]);
        // Its number, its serial and when its node was started.
        return term.Length == name + 8 + (term[1] == Pid ? 4 : 1);
    }
}
