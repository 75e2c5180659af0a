using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;

namespace WorkQueue.Board.Pages;

/// <summary>What all pages share: headers, protected forms, errors as pages.</summary>
internal sealed class BoardFilter : IEndpointFilter
{
    // Nothing but our own files, and nothing of them inside a page: text that gets into one by mistake can do nothing.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'self'";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        HttpContext http = context.HttpContext;
        SetHeaders(http.Response.Headers);
        try
        {
            if (!HttpMethods.IsGet(http.Request.Method))
            {
                await ReadAsync(http.Request);
            }

            if (Caller.Refusal(http) is { } refusal)
            {
                return ErrorOf(http, new BadHttpRequestException(refusal, StatusCodes.Status403Forbidden));
            }

            return await next(context);
        }
        catch (InvalidDataException invalid)
        {
            return ErrorOf(http, new BadHttpRequestException($"The form cannot be read: {invalid.Message}", StatusCodes.Status413PayloadTooLarge));
        }
        catch (Exception expected) when (ErrorAnswers.IsExpected(expected))
        {
            return ErrorOf(http, expected);
        }
    }

    // What cannot be read changes nothing, and what can is in the line of the audit.
    private static Task<IFormCollection> ReadAsync(HttpRequest request) =>
        OtherSite.Sent(request) ? throw new BadHttpRequestException(
            $"This form was sent by a page of another site; nothing was changed. If it was not: a proxy before this program is to pass the header Host on as it came, here '{request.Host}'.", StatusCodes.Status403Forbidden)
        : request.HasFormContentType ? request.ReadFormAsync(request.HttpContext.RequestAborted)
        : throw new BadHttpRequestException("This is no form.", StatusCodes.Status415UnsupportedMediaType);

    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    private static IResult ErrorOf(HttpContext http, Exception error)
    {
        int status = error is BadHttpRequestException bad ? bad.StatusCode : ErrorAnswers.StatusOf(error);
        return Screen.Show<ErrorScreen, ErrorModel>(http, new ErrorModel(status, error.Message), status);
    }
}
