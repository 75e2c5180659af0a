using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging;

/// <summary>
/// The broker refused this program, and trying again does not help until somebody changes something. A program that meets it at its start stops
/// with this message; one that has worked before goes on trying.
/// </summary>
public sealed class BrokerRefusedException : Exception
{
    private BrokerRefusedException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>Makes the exception of a failure that is final, or null of one that may pass.</summary>
    internal static BrokerRefusedException? From(Exception failure, IConnectionFactory factory)
    {
        string where = $"user '{factory.UserName}', vhost '{factory.VirtualHost}'";
        string? message = failure switch
        {
            BrokerRefusedException already => already.Message,
            TopologyMismatchException mismatch => mismatch.Message,
            _ when Find<AuthenticationFailureException>(failure) is { } refused =>
                $"The broker refused the user name or password ({where}): {refused.Message} Correct ConnectionStrings:rabbitmq.",
            _ when Find<OperationInterruptedException>(failure)?.ShutdownReason is { } reason && IsFinal(reason) =>
                $"The broker refused access ({where}): {reason.ReplyText}. Correct the vhost in ConnectionStrings:rabbitmq, or give the user its permissions (docs/operations.md: least rights).",
            _ => null,
        };
        return message is null ? null : new BrokerRefusedException(message, failure);
    }

    /// <summary>The broker allows no more of them.</summary>
    internal static BrokerRefusedException AtLimit(string kind, string name, string brokerText, Exception cause) => new(
        $"The {kind} '{name}' cannot be declared: {brokerText}. Raise the limit (rabbitmqctl set_vhost_limits, or rabbitmq.conf), or delete what is not needed in the vhost.", cause);

    /// <summary>The user may not declare, and this is missing.</summary>
    internal static BrokerRefusedException MayNotDeclare(string kind, string name, Exception cause) => new(
        $"The {kind} '{name}' is missing, and the broker does not let this program's user declare it. Start the program once with {WorkQueueOptions.Section}:DeclareOnly=true "
        + "and a connection string whose user may configure, with the same settings; or give this user the permission to configure.",
        cause);

    // 530 is also what a vhost that is still starting answers; only one that is not there, or not this user's, is final.
    private static bool IsFinal(ShutdownEventArgs reason) => reason.ReplyCode switch
    {
        Constants.AccessRefused => true,
        Constants.NotAllowed => reason.ReplyText.Contains("not found", StringComparison.OrdinalIgnoreCase)
            || reason.ReplyText.Contains("refused for user", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static T? Find<T>(Exception? failure)
        where T : Exception => failure switch
        {
            null => null,
            T found => found,
            AggregateException many => many.InnerExceptions.Select(Find<T>).FirstOrDefault(found => found is not null),
            _ => Find<T>(failure.InnerException),
        };
}
