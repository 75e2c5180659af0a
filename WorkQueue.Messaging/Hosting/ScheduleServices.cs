using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging;

/// <summary>Adds schedules to the services of a program.</summary>
public static class ScheduleServices
{
    /// <summary>
    /// Adds a schedule: a task that is enqueued again and again, as by <c>WorkQueue:Schedules:&lt;name&gt;</c>. Every program that has it takes part in electing the one
    /// that enqueues; the tasks run wherever there is a handler for them.
    /// </summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <param name="services">The services, with <c>AddTaskQueue()</c> or <c>AddTaskWorker()</c>.</param>
    /// <param name="name">Its name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="cron">When: see <see cref="ScheduleOptions.Cron"/>. In UTC, unless <paramref name="configure"/> says otherwise.</param>
    /// <param name="payload">The payload of each task. It is written once.</param>
    /// <param name="configure">Sets the rest; the type too, where the payload has no <see cref="TaskTypeAttribute"/>.</param>
    /// <returns>The services. What cannot be stops the start.</returns>
    public static IServiceCollection AddTaskSchedule<TPayload>(this IServiceCollection services, string name, string cron, TPayload payload, Action<ScheduleOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(payload);
        CoreRegistration.AddCore(services);
        services.AddOptions<WorkQueueOptions>().PostConfigure<PayloadCodec>((options, json) =>
        {
            ScheduleOptions schedule = new() { Cron = cron, Payload = System.Text.Encoding.UTF8.GetString(json.Write(payload)) };
            configure?.Invoke(schedule);
            schedule.Type = schedule.Type.Length == 0 ? TaskTypeAttribute.Of(PayloadCodec.TypeOf(payload)) : schedule.Type;
            options.Schedules[name] = schedule;
        });
        return services;
    }

    /// <summary>
    /// Has a program take part in leading the schedules though it has none of its own: those that were made by <see cref="ISchedules"/> are enqueued as long as one
    /// such program runs. The task board's does, and every program with a schedule.
    /// </summary>
    /// <param name="services">The services, with <c>AddTaskQueue()</c> or <c>AddTaskWorker()</c>.</param>
    public static IServiceCollection AddTaskSchedules(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        CoreRegistration.AddCore(services);
        services.TryAddSingleton<LeaderIntake>();
        return services;
    }
}
