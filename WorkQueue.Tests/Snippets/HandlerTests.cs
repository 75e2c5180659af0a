using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Snippets;

/// <summary>What docs/handlers.md shows, run.</summary>
public sealed class HandlerTests
{
    [Fact]
    public async Task A_charge_is_made_once_however_often_it_runs()
    {
        Bank bank = new();
        await using TestTaskQueue queue = new(services =>
        {
            services.AddSingleton(bank);
            // begin-snippet: handlers-class-added
            services.AddTaskHandler<ChargeCard, Receipt, ChargeCardHandler>();
            // end-snippet
        });
        EnqueuedTask task = await queue.EnqueueAsync(new ChargeCard("4711", 12.50m));
        await queue.AdvanceAsync(TimeSpan.FromSeconds(5));
        // The bank was busy at first.
        Assert.Equal((TaskState.Retrying, 1), (queue[task.Id].State, bank.Asked));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((TaskState.Succeeded, $"charge {task.Id}"), (queue[task.Id].State, queue[task.Id].ReadResult<Receipt>()!.Number));
        EnqueuedTask never = await queue.EnqueueAsync(new ChargeCard("4711", 0));
        await queue.AdvanceAsync(TimeSpan.Zero);
        Assert.Equal((TaskState.DeadLettered, "Nothing to charge."), (queue[never.Id].State, queue[never.Id].Reason));
    }

    [Fact]
    public async Task A_lambda_gets_what_a_class_gets()
    {
        Bank bank = new() { Asked = 1 };
        await using TestTaskQueue queue = new(services =>
        {
            services.AddSingleton(bank);
            // begin-snippet: handlers-lambda
            services.AddTaskHandler("charge-card", (ChargeCard charge, TaskContext context) =>
                context.Services.GetRequiredService<Bank>().ChargeAsync(charge, key: context.Id, context.CancellationToken));
            // end-snippet
        });
        EnqueuedTask task = await queue.EnqueueAsync("charge-card", JsonSerializer.SerializeToElement(new { card = "4711", amount = 1 }));
        await queue.AdvanceAsync(TimeSpan.Zero);
        Assert.Equal($"charge {task.Id}", queue[task.Id].ReadResult<Receipt>()!.Number);
    }

    internal sealed class BankBusyException : Exception;

    internal sealed class Bank
    {
        public int Asked { get; set; }

        public Task<Receipt> ChargeAsync(ChargeCard charge, string key, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Asked++ == 0 ? throw new BankBusyException() : Task.FromResult(new Receipt($"charge {key}"));
        }
    }

    // begin-snippet: handlers-class
    [TaskType("charge-card")]
    public sealed record ChargeCard(string Card, decimal Amount);

    public sealed record Receipt(string Number);

    internal sealed class ChargeCardHandler(Bank bank) : ITaskHandler<ChargeCard, Receipt>
    {
        public async Task<Receipt> HandleAsync(ChargeCard charge, TaskContext context)
        {
            if (charge.Amount <= 0)
                throw new TaskRejectedException("Nothing to charge."); // A dead letter at once.

            context.ReportProgress(10, "asking the bank");
            try
            {
                return await bank.ChargeAsync(charge, key: context.Id, context.CancellationToken); // The same id in every run of this task.
            }
            catch (BankBusyException)
            {
                throw new TaskRetryException("The bank is busy.", TimeSpan.FromMinutes(1)); // Again in a minute; it counts as an attempt.
            }
        }
    }
    // end-snippet
}
