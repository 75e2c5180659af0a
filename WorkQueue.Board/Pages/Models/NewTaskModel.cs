namespace WorkQueue.Board.Pages.Models;

/// <summary>The form of a new task.</summary>
/// <param name="Form">What is in it.</param>
/// <param name="Types">The types of the catalogue.</param>
/// <param name="Queues">The queues.</param>
internal sealed record NewTaskModel(NewTaskForm Form, IReadOnlyList<string> Types, IReadOnlyList<string> Queues)
{
    public string? ErrorOf(string field) => Form.Errors.GetValueOrDefault(field);
}
