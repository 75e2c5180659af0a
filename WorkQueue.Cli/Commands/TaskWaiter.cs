using Spectre.Console;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary>Waits until a task has ended, shows how far it is and what became of it.</summary>
internal sealed class TaskWaiter(Session session)
{
    // A producer that starts anew, and its history.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(40);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private TaskDetail? _last;

    /// <summary>Waits.</summary>
    /// <param name="id">The task.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="sentState">The state in which it was just accepted; null for a task that is looked up.</param>
    /// <param name="cancellationToken">Ends the wait; the task goes on.</param>
    public async Task<int> WaitAsync(string id, TimeSpan limit, string? sentState, CancellationToken cancellationToken)
    {
        using CancellationTokenSource over = new(limit > LongestTimer ? Timeout.InfiniteTimeSpan : limit, session.Terminal.Clock);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, over.Token);
        try
        {
            await (session.Printer.CanShowProgress ? ShowAsync(id, sentState is not null, either.Token) : PollAsync(id, sentState is not null, _ => { }, either.Token));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            session.Printer.Note($"Task {id} goes on; 'wq wait {id}' waits for it.");
            throw;
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }

        TaskDetail task = _last ?? new TaskDetail { Id = id, State = sentState ?? "unknown" };
        TaskView.WriteEnd(session.Printer, task);
        if (States.HasEnded(task.State))
        {
            return States.ExitCodeOf(task.State);
        }

        session.Printer.Note($"Task {id} has not ended within {Durations.Text(limit)}; it goes on.");
        return ExitCode.TimedOut;
    }

    private Task ShowAsync(string id, bool isKnown, CancellationToken cancellationToken) =>
        session.Printer.Console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async progress =>
            {
                ProgressTask bar = progress.AddTask(Markup.Escape(Plain.Line(id)));
                bar.IsIndeterminate = true;
                await PollAsync(id, isKnown, Update, cancellationToken);

                void Update(TaskDetail task)
                {
                    bar.IsIndeterminate = task.Percent is null;
                    bar.Value = task.Percent ?? 0;
                    bar.Description = Markup.Escape(Plain.Line($"{task.State} {task.Progress}"));
                }
            });

    private async Task PollAsync(string id, bool isKnown, Action<TaskDetail> seen, CancellationToken cancellationToken)
    {
        TimeProvider clock = session.Terminal.Clock;
        long answered = clock.GetTimestamp();
        TimeSpan pause = FirstPause;
        while (true)
        {
            try
            {
                _last = (await session.Api.GetTaskAsync(id, cancellationToken)).Value;
                (answered, isKnown) = (clock.GetTimestamp(), true);
                seen(_last);
                if (States.HasEnded(_last.State))
                {
                    return;
                }
            }
            catch (ApiException gap) when (MayPass(gap, isKnown) && clock.GetElapsedTime(answered) < Patience)
            {
            }

            await Task.Delay(pause, clock, cancellationToken);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 3 / 2, LongestPause.Ticks));
        }
    }

    // A task that was just accepted may not have reached the history, and a producer may be replaced while a task runs.
    private static bool MayPass(ApiException gap, bool isKnown) =>
        gap.ExitCode == ExitCode.NotFound ? isKnown || gap.IsReplaying : gap.ExitCode == ExitCode.TryAgain && isKnown;
}
