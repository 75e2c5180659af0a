using Microsoft.AspNetCore.Antiforgery;
using WorkQueue.Producer.Board.Screens;

namespace WorkQueue.Producer.Board;

/// <summary>What all pages share: headers, protected forms, errors as pages.</summary>
internal sealed class BoardFilter(IAntiforgery antiforgery) : IEndpointFilter
{
    // Nothing but our own files, and nothing of them inside a page: text that gets into one by mistake can do nothing.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

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
        catch (Exception expected) when (TaskExceptionHandler.IsExpected(expected))
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
        int status = error is BadHttpRequestException bad ? bad.StatusCode : TaskExceptionHandler.StatusOf(error);
        return Screen.Show<ErrorScreen, ErrorModel>(http, new ErrorModel(status, error.Message), status);
    }
}

/// <summary>A page that says what is wrong.</summary>
internal sealed record ErrorModel(int Status, string Text)
{
    public string Title => Status switch
    {
        StatusCodes.Status404NotFound => "Not found",
        StatusCodes.Status503ServiceUnavailable => "The broker is away",
        < StatusCodes.Status500InternalServerError => "This cannot be done",
        _ => "That went wrong",
    };
}
