using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Tests.Unit;

public sealed class BrokerAddressTests
{
    [Theory]
    [InlineData("amqp://localhost", "amqp://localhost", "localhost:5672")]
    [InlineData("amqps://u:p@rabbit.example.com/orders", "amqps://u:p@rabbit.example.com/orders", "rabbit.example.com:5671")]
    [InlineData("amqp://u:p%40@a:1,b, [::1]:3/v", "amqp://u:p%40@a:1/v", "a:1 b:5672 ::1:3")]
    public void Several_hosts_may_follow_each_other(string connectionString, string first, string hosts)
    {
        BrokerAddress address = BrokerAddress.Parse(connectionString);
        Assert.Equal(first, address.First);
        Assert.Equal(hosts, string.Join(' ', address.Hosts.Select(host => $"{host.Host}:{host.Port}")));
    }

    [Theory]
    [InlineData("localhost:5672")]
    [InlineData("http://u:secret@localhost")]
    [InlineData("amqp://u:secret@")]
    [InlineData("amqp://u:secret@a:b")]
    [InlineData("amqp://u:secret@a,,b")]
    public void What_is_no_address_is_refused_without_showing_the_password(string connectionString)
    {
        string message = Assert.Throws<FormatException>(() => BrokerAddress.Parse(connectionString)).Message;
        Assert.StartsWith("ConnectionStrings:rabbitmq is not the address of a broker; allowed: amqp", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_host_must_show_a_certificate_of_its_own_name_unless_one_is_set()
    {
        BrokerAddress address = BrokerAddress.Parse("amqps://a,b");
        Assert.Equal(["a", "b"], address.Endpoints(new SslOption(), null).Select(endpoint => endpoint.Ssl.ServerName));
        Assert.Equal(["c", "c"], address.Endpoints(new SslOption(), "c").Select(endpoint => endpoint.Ssl.ServerName));
    }
}
