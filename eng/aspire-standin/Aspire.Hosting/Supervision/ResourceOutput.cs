using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>The output of all resources, one line at a time with the resource's name in front.</summary>
internal sealed class ResourceOutput(ILoggerFactory loggers, ResourceLoggerService logs, SupervisorOptions options)
{
    public void Write(string name, string line, bool error)
    {
        logs.Write(name, line, error);
        if (options.ResourceLogging)
            loggers.CreateLogger($"{options.ApplicationName}.Resources.{name}").Output(error ? LogLevel.Error : LogLevel.Information, line);
        else
            Console.Out.WriteLine($"{name} | {line}");
    }
}
