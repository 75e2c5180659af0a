using WorkQueue.Cli.Output;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class DurationsTests
{
    [Theory]
    [InlineData("5s", 5_000)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("2min", 120_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("2d", 172_800_000)]
    [InlineData("0s", 0)]
    [InlineData("00:00:05", 5_000)]
    [InlineData("00:00:00.250", 250)]
    [InlineData("1.00:00:00", 86_400_000)]
    public void A_duration_is_read_as_it_is_written(string text, double milliseconds)
    {
        Assert.True(Durations.TryParse(text, out TimeSpan duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("5 s")]
    [InlineData("-5s")]
    [InlineData("s")]
    [InlineData("5x")]
    [InlineData("5s!")]
    [InlineData("-00:00:05")]
    [InlineData("00:99:00")]
    [InlineData("999999999d")]
    [InlineData("Hello.")]
    public void What_is_no_duration_is_none(string text) => Assert.False(Durations.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(-1_000, "0 s")]
    [InlineData(250, "0.25 s")]
    [InlineData(3_240, "3.2 s")]
    [InlineData(59_990, "59.9 s")]
    [InlineData(60_000, "1 min")]
    [InlineData(125_000, "2 min 5 s")]
    [InlineData(11_100_000, "3 h 5 min")]
    [InlineData(273_600_000, "3 d 4 h")]
    public void A_duration_is_said_shortly(double milliseconds, string text) => Assert.Equal(text, Durations.Text(TimeSpan.FromMilliseconds(milliseconds)));
}
