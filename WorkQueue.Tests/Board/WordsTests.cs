using WorkQueue.Board.Pages.Models;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Board;

public sealed class WordsTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, "now")]
    [InlineData(0.9, "now")]
    [InlineData(1, "1 s ago")]
    [InlineData(59.9, "59 s ago")]
    [InlineData(60, "1 min ago")]
    [InlineData(3599, "59 min ago")]
    [InlineData(3600, "1 h ago")]
    [InlineData(86400 * 3, "3 d ago")]
    [InlineData(-30, "in 30 s")]
    [InlineData(-7200, "in 2 h")]
    public void An_age_is_told_in_its_largest_unit(double secondsAgo, string expected) =>
        Assert.Equal(expected, Words.Ago(Now - TimeSpan.FromSeconds(secondsAgo), Now));

    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(0.0123, "12 ms")]
    [InlineData(0.9999, "1.0 s")]
    [InlineData(2.34, "2.3 s")]
    [InlineData(42.9, "42 s")]
    [InlineData(60, "1 min")]
    [InlineData(61, "1 min 1 s")]
    [InlineData(7500, "2 h 5 min")]
    [InlineData(90000, "1 d 1 h")]
    public void A_duration_is_told_in_its_two_largest_units(double seconds, string expected) =>
        Assert.Equal(expected, Words.Duration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.016, "< 0.1")]
    [InlineData(1.25, "1.3")]
    [InlineData(1234.6, "1,235")]
    public void A_rate_has_as_many_digits_as_say_something(double rate, string expected) => Assert.Equal(expected, Words.Rate(rate));

    [Fact]
    public void What_is_not_known_is_a_dash()
    {
        Assert.Equal("–", Words.Count(null));
        Assert.Equal("–", Words.Duration(null));
        Assert.Equal("–", Words.Share(null));
    }

    [Theory]
    [InlineData(0.0, "0 %")]
    [InlineData(0.0004, "< 0.1 %")]
    [InlineData(0.178, "17.8 %")]
    [InlineData(1.0, "100 %")]
    public void A_share_is_percent(double share, string expected) => Assert.Equal(expected, Words.Share(share));

    [Fact]
    public void Each_state_has_a_colour_of_its_own_in_the_stylesheet()
    {
        using Stream file = typeof(Words).Assembly.GetManifestResourceStream("board.css")!;
        string style = new StreamReader(file).ReadToEnd();
        Assert.All(Enum.GetValues<TaskState>(), state => Assert.Contains($".{Words.StateClass(state)} {{ --c:", style, StringComparison.Ordinal));
    }
}
