using System.Reflection;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What the codec and the retry policy cost, by BenchmarkDotNet: the part of a task's cost that is computing alone.</summary>
internal static class CodecScenario
{
    public static IEnumerable<Comparison> Of(Stage stage)
    {
        MethodInfo[] methods = [.. typeof(CodecBenchmarks).GetMethods().Where(method => method.GetCustomAttribute<BenchmarkAttribute>() is not null)];
        yield return new Comparison("Codec and retry policy", ["ns", "bytes"],
            [.. methods.Select(method => new Contender(method.GetCustomAttribute<BenchmarkAttribute>()!.Description!, () => Task.Run(() => Measure(method, stage))))])
        {
            Note = "By BenchmarkDotNet, in its process toolchain that emits no code.",
        };
    }

    private static double[] Measure(MethodInfo method, Stage stage)
    {
        string folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
        try
        {
            Job job = stage.Pick(Job.ShortRun, Job.Dry).WithToolchain(InProcessNoEmitToolchain.DontLogOutput);
            ManualConfig config = ManualConfig.CreateEmpty()
                .AddJob(job)
                .AddDiagnoser(MemoryDiagnoser.Default)
                .AddLogger(NullLogger.Instance)
                .WithArtifactsPath(folder)
                .WithOptions(ConfigOptions.DisableLogFile);
            Summary summary = BenchmarkRunner.Run(BenchmarkConverter.MethodsToBenchmarks(typeof(CodecBenchmarks), [method], config));
            BenchmarkReport report = summary.Reports.Single();
            return
            [
                report.ResultStatistics?.Mean ?? throw new InvalidOperationException($"BenchmarkDotNet did not measure {method.Name}."),
                report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0,
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
