using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>
/// A test against a real broker: the one at <c>WORKQUEUE_TEST_BROKER</c>, or one of the tests' own. Without either it is
/// skipped on a developer's machine and fails in CI.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrokerFactAttribute : FactAttribute
{
    public BrokerFactAttribute() => Skip = TestEnvironment.ExternalBroker is null ? OwnedBroker.Missing : null;
}

/// <summary><see cref="BrokerFactAttribute"/> with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrokerTheoryAttribute : TheoryAttribute
{
    public BrokerTheoryAttribute() => Skip = TestEnvironment.ExternalBroker is null ? OwnedBroker.Missing : null;
}

/// <summary>A test that starts a broker of its own, to set it up in its own way.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OwnedBrokerFactAttribute : FactAttribute
{
    public OwnedBrokerFactAttribute() => Skip = OwnedBroker.Missing;
}

/// <summary>A test of the AppHost with <c>Broker:Mode=local</c>: needs an installed rabbitmq-server.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AppHostFactAttribute : FactAttribute
{
    public AppHostFactAttribute() => Skip = Missing;

    /// <summary>Why such tests are skipped here, or null.</summary>
    internal static string? Missing { get; } =
        TestEnvironment.IsCi || LocalBrokerProcess.IsInstalled ? null : "No rabbitmq-server installed, which Broker:Mode=local runs.";
}

/// <summary><see cref="AppHostFactAttribute"/> with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AppHostTheoryAttribute : TheoryAttribute
{
    public AppHostTheoryAttribute() => Skip = AppHostFactAttribute.Missing;
}

/// <summary>A test of the AppHost with <c>Broker:Mode=container</c>: needs a container engine and an image of RabbitMQ.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _missing = new(WhyMissing);

    public ContainerFactAttribute() => Skip = _missing.Value;

    private static string? WhyMissing()
    {
        if (TestEnvironment.IsCi)
        {
            return null;
        }

        return Answers("docker") || Answers("podman") ? null : "No container engine answers.";
    }

    private static bool Answers(string engine)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(engine, "info") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            bool ended = process.WaitForExit(TimeSpan.FromSeconds(5));
            if (!ended)
            {
                process.Kill();
            }

            return ended && process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
