using System.Globalization;
using Microsoft.AspNetCore.Http.Features;

namespace WorkQueue.Board.Calls;

/// <summary>A line in the log, under a category of its own, for everything that changes what is there: who, from where, what, and what came of it.</summary>
internal sealed class Audit(ILogger<Audit> logger)
{
    private const int MostText = 500;

    // What a form has besides: a payload may tell what is nobody's business.
    private static readonly string[] Fields = ["queue", "id", "ids", "name", "type", "error", "errorType", "state", "worker", "q", "limit", "perSecond"];

    /// <summary>Says of a call what its path does not: what it was about.</summary>
    public static void Note(HttpContext context, string about) => context.Features.Set(new About(about));

    /// <summary>Writes the line, once the call is done.</summary>
    public static async Task LogAsync(HttpContext context, RequestDelegate next)
    {
        bool changes = Caller.NeededBy(context) == ApiScope.Operate;
        try
        {
            await next(context);
        }
        catch (Exception failure) when (changes)
        {
            Write(context, failure.GetType().Name);
            throw;
        }

        if (changes)
        {
            Write(context, context.Response.StatusCode.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void Write(HttpContext context, string outcome)
    {
        string about = context.Features.Get<About>()?.Text ?? FieldsOf(context.Features.Get<IFormFeature>()?.Form);
        context.RequestServices.GetRequiredService<Audit>().Write(
            Caller.NameOf(context), $"{context.Connection.RemoteIpAddress}", context.Request.Method, context.Request.Path + context.Request.QueryString.ToString(), Line(about), outcome);
    }

    // Of a form that was read, which whoever is refused has not brought about: this waits for nobody's body.
    private static string FieldsOf(IFormCollection? form) =>
        form is null ? "" : string.Join(", ", Fields.Where(form.ContainsKey).Select(field => $"{field} {form[field]}"));

    // One line, whatever a caller sends.
    private static string Line(string text) => string.Concat((text.Length > MostText ? text[..MostText] + " …" : text).Select(letter => char.IsControl(letter) ? ' ' : letter));

    private void Write(string who, string address, string method, string path, string about, string outcome) => logger.Changed(who, address, method, path, about, outcome);

    private sealed record About(string Text);
}
