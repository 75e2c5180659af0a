namespace WorkQueue.Messaging;

/// <summary>TLS to the broker, <c>WorkQueue:Tls</c>.</summary>
public sealed class TlsOptions
{
    /// <summary>The name the broker's certificate must have. Default: the host of the connection string.</summary>
    public string? ServerName { get; set; }

    /// <summary>A PEM file of the authorities to trust instead of the system's. Default: the system's.</summary>
    public string? TrustedCertificate { get; set; }

    /// <summary>A PKCS #12 file of this program's own certificate. Default: none.</summary>
    public string? ClientCertificate { get; set; }

    /// <summary>The password of <see cref="ClientCertificate"/>.</summary>
    public string? ClientCertificatePassword { get; set; }
}
