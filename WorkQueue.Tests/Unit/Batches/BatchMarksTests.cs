using WorkQueue.Messaging.Batches;
using static WorkQueue.Messaging.Batches.BatchMarks;

namespace WorkQueue.Tests.Unit.Batches;

public sealed class BatchMarksTests
{
    [Theory]
    [InlineData(new[] { nameof(MemberMark.Succeeded), nameof(MemberMark.Succeeded), nameof(MemberMark.DeadLettered), nameof(MemberMark.Cancelled) }, nameof(MemberMark.Succeeded))]
    [InlineData(new[] { nameof(MemberMark.DeadLettered), nameof(MemberMark.DeadLettered), nameof(MemberMark.Succeeded) }, nameof(MemberMark.Succeeded))]
    [InlineData(new[] { nameof(MemberMark.DeadLettered), nameof(MemberMark.Cancelled) }, nameof(MemberMark.Cancelled))]
    [InlineData(new[] { nameof(MemberMark.Cancelled), nameof(MemberMark.DeadLettered) }, nameof(MemberMark.Cancelled))]
    [InlineData(new[] { nameof(MemberMark.Cancelled), nameof(MemberMark.Succeeded), nameof(MemberMark.Cancelled) }, nameof(MemberMark.Succeeded))]
    [InlineData(new[] { nameof(MemberMark.Out), nameof(MemberMark.Succeeded) }, nameof(MemberMark.Out))]
    public void A_success_is_final_and_a_dead_letter_may_yet_succeed(string[] told, string last)
    {
        BatchMarks marks = new();
        marks.Grow(2);
        foreach (string mark in told)
        {
            marks.Set([1], Enum.Parse<MemberMark>(mark));
        }

        Assert.Equal(last, marks[1].ToString());
        Assert.Equal((1, 2), (marks.Pending, marks.Counts.Sum()));
    }

    [Fact]
    public void Numbers_that_were_given_to_nobody_are_passed_over()
    {
        BatchMarks marks = new();
        marks.Grow(3);
        marks.Set([-1, 3, int.MaxValue, 0], MemberMark.Succeeded);
        Assert.Equal((3, 2, 1), (marks.Total, marks.Pending, marks.Succeeded));
        Assert.Null(marks[3]);
    }

    [Fact]
    public void They_are_read_as_they_were_written_and_take_little()
    {
        BatchMarks marks = new();
        marks.Grow(60_000);
        marks.Grow(BatchRecord.MostMembers);
        Random random = new(1);
        foreach (MemberMark mark in (MemberMark[])[MemberMark.Succeeded, MemberMark.DeadLettered, MemberMark.Cancelled, MemberMark.Out])
        {
            marks.Set([.. Enumerable.Range(0, 25_000).Select(_ => random.Next(BatchRecord.MostMembers))], mark);
        }

        byte[] written = marks.Write()!;
        Assert.InRange(written.Length, 1, 70_000);
        BatchMarks read = Read(marks.Count, written, marks.Counts);
        Assert.Equal(marks.Counts, read.Counts);
        Assert.All(Enum.GetValues<MemberMark>(), mark => Assert.Equal(marks.With(mark), read.With(mark)));
    }

    [Fact]
    public void Where_nothing_can_change_any_more_only_the_counts_are_kept()
    {
        BatchMarks marks = new();
        marks.Grow(10);
        marks.Set([1, 2, 3], MemberMark.Succeeded);
        marks.Forget();
        marks.Set([4], MemberMark.Succeeded);
        marks.Grow(20);
        Assert.Null(marks.Write());
        BatchMarks read = Read(marks.Count, null, marks.Counts);
        Assert.Equal((10, 3), (read.Total, read.Succeeded));
        Assert.Empty(read.With(MemberMark.Succeeded));
    }
}
