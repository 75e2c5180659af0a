using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Connections;

/// <summary>From <see cref="TlsOptions"/> to the client's settings.</summary>
internal static class TlsSettings
{
    public static void Apply(TlsOptions options, SslOption tls)
    {
        if (options.ClientCertificate is { } clientCertificate)
        {
            tls.CertPath = clientCertificate;
            tls.CertPassphrase = options.ClientCertificatePassword;
        }

        if (options.TrustedCertificate is { } trusted)
        {
            X509Certificate2Collection roots = [];
            roots.ImportFromPemFile(trusted);
            tls.CertificateValidationCallback = (_, certificate, _, errors) => IsTrusted(certificate, errors, roots);
        }
    }

    // The name must match as ever; only whom to trust is different.
    private static bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors, X509Certificate2Collection roots)
    {
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
        {
            return false;
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using X509Certificate2 presented = new(certificate);
        return chain.Build(presented);
    }
}
