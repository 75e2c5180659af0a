namespace WorkQueue.Board.Pages.Models;

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
