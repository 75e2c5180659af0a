namespace WorkQueue.Messaging.Topology;

/// <summary>A priority to and from the one that a message of AMQP has, 0 to 9.</summary>
internal static class AmqpPriority
{
    // RabbitMQ 4 takes more than 4 for urgent too. The clients of some languages always send 0.
    private const byte High = 9;
    private const byte HighFrom = 5;
    private const byte LowTo = 3;
    private const byte Low = 1;

    /// <summary>As a message has it; null for none.</summary>
    public static byte? Write(TaskPriority priority) => priority switch { TaskPriority.High => High, TaskPriority.Low => Low, _ => null };

    /// <summary>What a message's is here, whoever has sent it.</summary>
    public static TaskPriority Read(byte? priority) => priority switch { >= HighFrom => TaskPriority.High, >= Low and <= LowTo => TaskPriority.Low, _ => TaskPriority.Normal };
}
