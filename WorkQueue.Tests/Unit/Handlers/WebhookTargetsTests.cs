using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

public class WebhookTargetsTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.0.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("100.100.100.200")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.9.1")]
    [InlineData("168.63.129.16")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.192")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::10.0.0.1")]
    [InlineData("64:ff9b::169.254.169.254")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("3fff::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%2")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public async Task A_listed_name_that_resolves_to_a_special_address_is_refused(string address)
    {
        Assert.False(PublicAddress.Is(IPAddress.Parse(address)));
        WebhookTargets targets = Targets(["hooks.example.com"], resolved: [address]);
        targets.Check("https://hooks.example.com/a");
        await Assert.ThrowsAsync<TaskRejectedException>(() => targets.AddressesAsync(new("hooks.example.com", 443), default));
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.1")]
    [InlineData("172.15.0.1")]
    [InlineData("172.32.0.1")]
    [InlineData("192.0.1.1")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::8.8.8.8")]
    [InlineData("2606:4700::1")]
    [InlineData("2a00:1450::1")]
    public async Task A_listed_name_that_resolves_to_a_public_address_is_connected_to_there(string address)
    {
        IPAddress[] addresses = await Targets(["hooks.example.com"], resolved: [address]).AddressesAsync(new("hooks.example.com", 443), default);
        Assert.Equal([IPAddress.Parse(address)], addresses);
    }

    [Fact]
    public async Task Of_several_addresses_only_the_public_ones_are_connected_to()
    {
        WebhookTargets targets = Targets(["a.example"], resolved: ["10.0.0.1", "8.8.8.8", "::1"]);
        Assert.Equal([IPAddress.Parse("8.8.8.8")], await targets.AddressesAsync(new("a.example", 80), default));
    }

    [Fact]
    public async Task Even_in_development_a_listed_name_must_not_resolve_to_loopback() =>
        await Assert.ThrowsAsync<TaskRejectedException>(() =>
            Targets(["a.example"], "Development", ["127.0.0.1"]).AddressesAsync(new("a.example", 80), default));

    [Fact]
    public async Task In_development_a_localhost_name_must_resolve_to_loopback() =>
        await Assert.ThrowsAsync<TaskRejectedException>(() =>
            Targets([], "Development", ["10.0.0.1"]).AddressesAsync(new("x.localhost", 80), default));

    [Fact]
    public async Task The_connection_checks_the_list_again() =>
        await Assert.ThrowsAsync<TaskRejectedException>(() =>
            Targets(["a.example"], resolved: ["8.8.8.8"]).AddressesAsync(new("b.example", 80), default));

    [Theory]
    [InlineData("10.0.0.5", "http://10.0.0.5/")]
    [InlineData("10.0.0.5:8080", "http://10.0.0.5:8080/")]
    [InlineData("[fd00::5]:8080", "http://[fd00::5]:8080/")]
    [InlineData("fd00::5", "http://[FD00:0::5]/")]
    [InlineData("hooks.example.com", "https://HOOKS.example.com./x?y")]
    [InlineData("hooks.example.com", "https://hooks.example.com:8443/")]
    [InlineData("hooks.example.com:8443", "https://hooks.example.com:8443/")]
    [InlineData("hooks.example.com:443", "https://hooks.example.com/")]
    [InlineData("*.example.com", "https://a.b.example.com/")]
    [InlineData("Bücher.example", "https://xn--bcher-kva.example/")]
    public void A_host_on_the_list_may_be_called(string entry, string url) => Targets([entry]).Check(url);

    [Theory]
    [InlineData("hooks.example.com", "https://example.com/")]
    [InlineData("hooks.example.com", "https://hooks.example.com.evil.net/")]
    [InlineData("hooks.example.com", "https://evilhooks.example.com/")]
    [InlineData("hooks.example.com", "https://evil.net/hooks.example.com")]
    [InlineData("hooks.example.com", "https://evil.net#hooks.example.com")]
    [InlineData("hooks.example.com:8443", "https://hooks.example.com/")]
    [InlineData("*.example.com", "https://example.com/")]
    [InlineData("*.example.com", "https://evilexample.com/")]
    [InlineData("10.0.0.5", "http://10.0.0.6/")]
    [InlineData("10.0.0.5:8080", "http://10.0.0.5:8081/")]
    [InlineData("hooks.example.com", "http://localhost/")]
    [InlineData("hooks.example.com", "http://127.0.0.1/")]
    [InlineData("hooks.example.com", "http://2130706433/")]
    [InlineData("hooks.example.com", "http://0x7f.1/")]
    [InlineData("hooks.example.com", "http://[::ffff:127.0.0.1]/")]
    public void A_host_off_the_list_may_not_be_called(string entry, string url) => Rejected(Targets([entry]), url, "AllowedHosts");

    [Theory]
    [InlineData(null, "no \"url\"")]
    [InlineData("", "no \"url\"")]
    [InlineData("hooks.example.com/a", "absolute")]
    [InlineData("/a", "absolute")]
    [InlineData("ftp://hooks.example.com/", "absolute")]
    [InlineData("file:///etc/passwd", "absolute")]
    [InlineData("gopher://hooks.example.com/", "absolute")]
    [InlineData("https://user:secret@hooks.example.com/", "password")]
    [InlineData("https://user@hooks.example.com/", "password")]
    [InlineData("https://evil.net\\@hooks.example.com/", "absolute")]
    public void A_url_of_another_kind_is_rejected(string? url, string reason) => Rejected(Targets(["hooks.example.com"]), url, reason);

    [Theory]
    [InlineData("http://localhost:5000/")]
    [InlineData("http://x.localhost/")]
    [InlineData("http://127.0.0.1:5000/")]
    [InlineData("http://127.1/")]
    [InlineData("http://[::1]/")]
    public void Loopback_may_be_called_in_development_and_nowhere_else(string url)
    {
        Targets([], "Development").Check(url);
        Rejected(Targets([], "Production"), url, "AllowedHosts");
    }

    [Fact]
    public void Nothing_else_may_be_called_in_development() => Rejected(Targets([], "Development"), "http://10.0.0.1/", "AllowedHosts");

    [Theory]
    [InlineData("https://hooks.example.com")]
    [InlineData("hooks.example.com/path")]
    [InlineData("hooks.example.com:0")]
    [InlineData("hooks.example.com:70000")]
    [InlineData("hooks.example.com:")]
    [InlineData("user@hooks.example.com")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("a.*.example.com")]
    [InlineData("*.10.0.0.1")]
    [InlineData("10.0.0.0/8")]
    [InlineData("127.1")]
    [InlineData("")]
    [InlineData(" ")]
    public void An_entry_that_is_no_host_fails_at_the_start_and_is_named(string entry)
    {
        WebhookOptions options = new() { AllowedHosts = { "good.example", entry } };
        string? message = Assert.Single(options.Validate(new ValidationContext(options))).ErrorMessage;
        Assert.Contains($"WorkQueue:Webhooks:AllowedHosts has the entry \"{entry}\"", message, StringComparison.Ordinal);
    }

    private static void Rejected(WebhookTargets targets, string? url, string reason) =>
        Assert.Contains(reason, Assert.Throws<TaskRejectedException>(() => targets.Check(url)).Message, StringComparison.Ordinal);

    private static WebhookTargets Targets(string[] allowed, string environment = "Production", string[]? resolved = null)
    {
        var options = new WebhookOptions();
        foreach (string entry in allowed)
            options.AllowedHosts.Add(entry);
        return new WebhookTargets(Options.Create(options), new HostEnvironment(environment),
            (_, _) => Task.FromResult(resolved?.Select(IPAddress.Parse).ToArray() ?? []));
    }
}
