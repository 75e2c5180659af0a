using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Worker.Handlers;

/// <summary>What <c>deliver-webhook</c> may call, and its limits.</summary>
internal sealed class WebhookOptions : IValidatableObject
{
    public const string Section = "WorkQueue:Webhooks";

    /// <summary>
    /// The hosts a task may call. Default none. An entry is a name (<c>hooks.example.com</c>), all names below one
    /// (<c>*.example.com</c>), or an address (<c>10.0.0.5</c>, <c>[fd00::5]</c>), each with or without a port (<c>:8443</c>; without
    /// one, every port). A name must resolve to a public address; a private address is called only where it is itself an entry.
    /// In Development loopback (<c>localhost</c>, <c>127.0.0.1</c>, <c>[::1]</c>) is allowed as well.
    /// </summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>
    /// The longest wait obeyed when an answer carries <c>Retry-After</c>; a longer one is shortened to it. From 1 second to 48 days.
    /// Default 1 hour.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "48.00:00:00", ErrorMessage = Section + ":MaxRetryAfter must be between 00:00:01 and 48.00:00:00.")]
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How much of an answer's body is read and kept in the task's result, in bytes; 0 for nothing. At most 1 MiB. Default 16 KiB.</summary>
    [Range(0, 1024 * 1024, ErrorMessage = Section + ":MaxResponseBytes must be between 0 and 1048576.")]
    public int MaxResponseBytes { get; set; } = 16 * 1024;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (string entry in AllowedHosts.Where(entry => AllowedHost.Parse(entry) is null))
        {
            yield return new(
                $"{Section}:AllowedHosts has the entry \"{entry}\"; expected a host such as hooks.example.com, *.example.com, 10.0.0.5 or [fd00::5], " +
                "with or without a port, and without a scheme or path.",
                [nameof(AllowedHosts)]);
        }
    }
}
