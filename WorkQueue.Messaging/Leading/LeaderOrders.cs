using System.Text;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Messaging.Leading;

/// <summary>Has the duties do what a leader was asked to: what is about one thing in its order, the rest at once, for each takes the time of some confirms.</summary>
internal sealed class LeaderOrders(LeaderSession session, IEnumerable<ILeaderDuty> duties, TimeProvider clock, ILogger logger)
{
    /// <summary>Returns when all of them are done, answered and acknowledged.</summary>
    /// <param name="deliveries">The commands, in their order.</param>
    public Task ObeyAsync(IReadOnlyList<LeaderDelivery> deliveries)
    {
        ILookup<bool, LeaderDelivery> late = deliveries.ToLookup(delivery => delivery.Command.By is not null && clock.GetElapsedTime(delivery.At) > LeaderSession.CommandLimit);
        IEnumerable<Task> groups = late[false].GroupBy(delivery => duties.Find(delivery.Command)).Select(group => ObeyAsync(group.Key?.Duty, [.. group]));
        // Whoever asked for what comes late is told by then that it was not done.
        return Task.WhenAll([.. groups, .. late[true].Select(session.AckAsync)]);
    }

    private async Task ObeyAsync(ILeaderDuty? duty, LeaderDelivery[] group)
    {
        IReadOnlyList<LeaderAnswer> answers;
        try
        {
            answers = duty is null
                ? [.. group.Select(delivery => new LeaderAnswer(LeaderDuties.Unknown(delivery.Command)))]
                : await duty.ObeyAsync([.. group.Select(delivery => delivery.Command)], session);
        }
#pragma warning disable CA1031 // A command that nobody can obey would end each leader after the other.
        catch (Exception fault) when (fault is not (PublishFailedException or TaskNotEnqueuedException))
#pragma warning restore CA1031
        {
            if (group.Length > 1)
            {
                // One of them it is; the others can be done.
                foreach (LeaderDelivery delivery in group)
                {
                    await ObeyAsync(duty, [delivery]);
                }

                return;
            }

            logger.CommandPassedOver(fault, group[0].Command.Kind);
            answers = [new LeaderAnswer(Refusal: fault.Message.Length > 0 ? fault.Message : fault.GetType().Name)];
        }

        await Task.WhenAll(group.Zip(answers, AnswerAsync));
        // In their order: of those that come again none has been followed by one that does not.
        foreach (LeaderDelivery delivery in group)
        {
            await session.AckAsync(delivery);
        }
    }

    private Task AnswerAsync(LeaderDelivery delivery, LeaderAnswer answer)
    {
        string? said = answer.Refusal ?? answer.Text;
        string kind = answer.Refusal is null && said is not null ? LeaderLog.Answered : LeaderLog.Done;
        return delivery.Command.By is { } by ? session.WriteAsync(new LeaderEntry(kind, said is null ? default : Encoding.UTF8.GetBytes(said), by)) : Task.CompletedTask;
    }
}
