using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>A cluster of three that talks TLS, and only to those who show a certificate that it trusts.</summary>
public sealed class SecureClusterTests(FaultReport report) : IClassFixture<FaultReport>, IDisposable
{
    private const int Tasks = 600;
    private const string Password = "of-the-key";

    private static readonly string[] Queues = ["default", "a", "b", "c", "d", "e"];

    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-test-certificates-").FullName;

    [ClusterFact(Timeout = 180_000)]
    public async Task By_all_addresses_and_a_client_certificate_tasks_go_on_when_a_node_dies_and_queues_are_led_from_several_and_without_one_nobody_comes_in()
    {
        WriteCertificates();
        await using Disposing<FaultCluster> cluster = new(new FaultCluster($"""
            ssl_options.cacertfile = {_folder}/ca.pem
            ssl_options.certfile = {_folder}/server.pem
            ssl_options.keyfile = {_folder}/server.key
            ssl_options.verify = verify_peer
            ssl_options.fail_if_no_peer_cert = true
            queue_leader_locator = balanced
            """));
        await cluster.Value.EnsureRunningAsync();
        (string, string)[] known =
        [
            ("Tls:TrustedCertificate", $"{_folder}/ca.pem"), ("Tls:ClientCertificate", $"{_folder}/client.pfx"), ("Tls:ClientCertificatePassword", Password),
            ("Worker:Concurrency", "4"), ("Worker:Queues", string.Join(',', Queues)), .. Queues.Select(queue => ($"Queues:{queue}:Type", "Quorum")),
        ];
        await using FaultQueue queue = new(cluster.Value, cluster.Value.AllSecure, known);
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        await queue.EnqueueAsync(producer, 1);
        ClusterNode[] leaders = await Task.WhenAll(Queues.Select(name => cluster.Value.LeaderAsync($"{queue.Prefix}.{name}")));
        Assert.True(leaders.Distinct().Count() > 1, "All queues are led from one node.");

        Task load = queue.EnqueueAsync(producer, Tasks);
        await Eventually.TrueAsync(() => queue.Ledger.Confirmed > Tasks / 3, "a third is confirmed");
        await leaders[0].KillAsync();
        await load;
        await queue.AllDoneAsync(TimeSpan.FromSeconds(60));
        report.Add("cluster of three by TLS with client certificates: a queue's leader killed", await queue.CloseAsync(), "");

        await using FaultQueue stranger = new(cluster.Value, cluster.Value.AllSecure, [.. known.Where(setting => !setting.Item1.Contains("Client", StringComparison.Ordinal))]);
        IHost refused = await stranger.StartAsync(builder => builder.AddTaskQueue());
        await Eventually.HealthAsync(refused, health => health.Status == HealthStatus.Unhealthy, "who shows no certificate is unhealthy");
        await Eventually.TrueAsync(() => stranger.Logged.Any(line => line.Contains("certificate", StringComparison.OrdinalIgnoreCase) || line.Contains("TLS", StringComparison.OrdinalIgnoreCase) || line.Contains("SSL", StringComparison.OrdinalIgnoreCase)), "the log says why");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void WriteCertificates()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using RSA authorityKey = RSA.Create(2048);
        CertificateRequest authorityRequest = new("CN=tests", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        File.WriteAllText($"{_folder}/ca.pem", authority.ExportCertificatePem());
        foreach (string name in (string[])["server", "client"])
        {
            using RSA key = RSA.Create(2048);
            CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            SubjectAlternativeNameBuilder names = new();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            using X509Certificate2 issued = request.Create(authority, now.AddDays(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
            File.WriteAllText($"{_folder}/{name}.pem", issued.ExportCertificatePem());
            File.WriteAllText($"{_folder}/{name}.key", key.ExportPkcs8PrivateKeyPem());
            using X509Certificate2 whole = issued.CopyWithPrivateKey(key);
            File.WriteAllBytes($"{_folder}/{name}.pfx", whole.Export(X509ContentType.Pfx, Password));
        }
    }

    // xunit disposes of fixtures by a Task, a using statement by a ValueTask.
    private sealed class Disposing<T>(T value) : IAsyncDisposable
        where T : IAsyncLifetime
    {
        public T Value => value;

        public async ValueTask DisposeAsync() => await value.DisposeAsync();
    }
}
