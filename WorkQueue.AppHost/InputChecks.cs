namespace WorkQueue.AppHost;

/// <summary>Checks what was typed into a command's form.</summary>
internal static class InputChecks
{
    /// <summary>Complains of an input that is not as it has to be.</summary>
    /// <param name="context">The form.</param>
    /// <param name="input">The input's name.</param>
    /// <param name="isValid">Whether a text is as it has to be.</param>
    /// <param name="rule">What it has to be.</param>
    public static void Check(this InputsDialogValidationContext context, string input, Func<string, bool> isValid, string rule)
    {
        if (!isValid(context.Inputs.GetString(input) ?? ""))
        {
            context.AddValidationError(context.Inputs[input], rule);
        }
    }
}
