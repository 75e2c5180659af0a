using Microsoft.AspNetCore.Antiforgery;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;

namespace WorkQueue.Board.Pages;

/// <summary>What all pages share: headers, protected forms, errors as pages.</summary>
internal sealed class BoardFilter(IAntiforgery antiforgery) : IEndpointFilter
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
                await antiforgery.ValidateRequestAsync(http);
            }

            if (Caller.Refusal(http) is { } refusal)
            {
                return ErrorOf(http, new BadHttpRequestException(refusal, StatusCodes.Status403Forbidden));
            }

            return await next(context);
        }
        catch (AntiforgeryValidationException invalid)
        {
            return ErrorOf(http, invalid.InnerException as BadHttpRequestException ?? new BadHttpRequestException("This form is out of date; nothing was changed. Go back, load the page again and repeat it."));
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
