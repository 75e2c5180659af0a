using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Unreadable;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A broker of its own: TLS is a setting of the broker.</summary>
public sealed class TlsTests
{
    [OwnedBrokerFact]
    public async Task Over_TLS_tasks_are_enqueued_and_a_certificate_nobody_trusts_is_refused_and_a_host_that_is_down_is_passed_over()
    {
        string folder = Directory.CreateTempSubdirectory("workqueue-test-tls-").FullName;
        WriteCertificate(folder);
        await using OwnedBroker broker = OwnedBroker.Create();
        broker.Secure($"{folder}/cert.pem", $"{folder}/key.pem");
        await broker.StartAsync();
        string secured = $"amqps://tests:tests@localhost:{TestEnvironment.FreePort()},localhost:{broker.SecurePort}";

        using IHost trusting = await StartAsync(secured, $"{folder}/cert.pem");
        Assert.Equal(TaskState.Queued, (await EnqueueAsync(trusting)).State);
        // Also where a message is moved without the client, which cannot read it.
        await using RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString);
        RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
        await channel.PublishAsync("", "wq.default.dead", RawMessages.Of(RawMessages.Field("x-odd", [(byte)'D', 29, 0, 0, 0, 1]), "1"u8.ToArray()), CancellationToken.None);
        Assert.Empty(await trusting.Services.GetRequiredService<IDeadLetters>().ListAsync(new DeadLetterFilter()));
        Assert.NotNull(await channel.GetAsync("wq.unreadable", CancellationToken.None));
        await trusting.StopAsync();

        using IHost wary = await StartAsync(secured, null);
        TaskNotEnqueuedException refusal = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => EnqueueAsync(wary));
        Assert.Equal(PublishOutcome.Unavailable, refusal.Outcome);
        Assert.Contains("certificate", refusal.Message, StringComparison.OrdinalIgnoreCase);
        await wary.StopAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static Task<EnqueuedTask> EnqueueAsync(IHost host) => host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync(NewTask.Json("probe", "secret"));

    private static async Task<IHost> StartAsync(string connectionString, string? trusted)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)connectionString), KeyValuePair.Create("WorkQueue:Tls:TrustedCertificate", trusted)]);
        builder.AddTaskQueue();
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static void WriteCertificate(string folder)
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText($"{folder}/cert.pem", certificate.ExportCertificatePem());
        File.WriteAllText($"{folder}/key.pem", key.ExportPkcs8PrivateKeyPem());
    }
}
