namespace WorkQueue.AppHost;

/// <summary>A setting stops the start. The message is one line that names the key, its value and what is allowed.</summary>
internal sealed class SettingException(string message) : DistributedApplicationException(message);
