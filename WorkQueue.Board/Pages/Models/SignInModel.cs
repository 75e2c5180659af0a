namespace WorkQueue.Board.Pages.Models;

/// <summary>The page that asks for the key.</summary>
/// <param name="Return">Where to go then.</param>
/// <param name="Error">What was wrong with the last one.</param>
internal sealed record SignInModel(string Return, string? Error);
