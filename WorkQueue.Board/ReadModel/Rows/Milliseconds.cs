namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>Times as the projection keeps them: milliseconds since 1970, 0 for unknown; half the size of a nullable DateTimeOffset and less.</summary>
internal static class Milliseconds
{
    public const long Unknown = 0;

    public static long Of(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds() ?? Unknown;

    public static DateTimeOffset? ToTime(long milliseconds) => milliseconds == Unknown ? null : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
