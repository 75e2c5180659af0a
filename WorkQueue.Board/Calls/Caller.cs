namespace WorkQueue.Board.Calls;

/// <summary>Who calls, as far as a key told.</summary>
/// <param name="Name">The key's name.</param>
/// <param name="Scope">What it may be used for.</param>
internal sealed record Caller(string Name, ApiScope Scope)
{
    /// <summary>What an endpoint needs: to look, unless it is not asked to, and then what it says, or everything that changes something.</summary>
    public static ApiScope NeededBy(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<NeedsScope>()?.Scope
        ?? (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) ? ApiScope.Read : ApiScope.Operate);

    /// <summary>Why the caller may not do this; null when he may, and where no key was asked for.</summary>
    public static string? Refusal(HttpContext context) =>
        context.Features.Get<Caller>() is { } caller && NeededBy(context) is var needed && (caller.Scope & needed) == 0
            ? $"The key '{caller.Name}' may not do this: it has the scope {TextOf(caller.Scope)}, and this needs {TextOf(needed)} (WorkQueue:ApiKeys:{caller.Name}:Scope). Nothing was done."
            : null;

    /// <summary>By what the log calls who calls.</summary>
    public static string NameOf(HttpContext context) => context.Features.Get<Caller>()?.Name ?? context.User.Identity?.Name ?? "nobody known";

    private static string TextOf(ApiScope scope) => scope.ToString().ToLowerInvariant();
}

/// <summary>Says of an endpoint what a key must be for, where its method does not tell.</summary>
internal sealed class NeedsScope(ApiScope scope)
{
    public ApiScope Scope => scope;
}
