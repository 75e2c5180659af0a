using System.Runtime.CompilerServices;
using System.Text;

namespace Aspire.Hosting.ApplicationModel;

public interface IValueProvider
{
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

/// <summary>A string with values that are known only when the application runs, such as ports and generated passwords.</summary>
public sealed class ReferenceExpression : IValueProvider
{
    private readonly IReadOnlyList<Part> _parts;

    private ReferenceExpression(IReadOnlyList<Part> parts) => _parts = parts;

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => new(handler.Parts);

    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        StringBuilder text = new();
        foreach (Part part in _parts)
            text.Append(Format(part.Value is { } value ? await value.GetValueAsync(cancellationToken).ConfigureAwait(false) : part.Literal, part.Format));

        return text.ToString();
    }

    private static string? Format(string? value, string? format) => format switch
    {
        null => value,
        "uri" => Uri.EscapeDataString(value ?? ""),
        _ => throw new FormatException($"'{format}' is not a format of a reference expression; 'uri' is the only one.")
    };

    [InterpolatedStringHandler]
    public readonly ref struct ExpressionInterpolatedStringHandler(int literalLength, int formattedCount)
    {
        internal List<Part> Parts { get; } = new((2 * formattedCount) + (literalLength > 0 ? 1 : 0));

        public void AppendLiteral(string value) => Parts.Add(new(value, Value: null, Format: null));

        public void AppendFormatted(string? value, string? format = null) => Parts.Add(new(value, Value: null, format));

        public void AppendFormatted<T>(T valueProvider, string? format = null)
            where T : IValueProvider => Parts.Add(new(Literal: null, valueProvider, format));

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format = null)
            where T : IResource, IValueProvider => AppendFormatted(valueProvider.Resource, format);
    }

    internal sealed record Part(string? Literal, IValueProvider? Value, string? Format);
}
