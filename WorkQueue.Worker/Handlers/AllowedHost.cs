using System.Globalization;
using System.Net;

namespace WorkQueue.Worker.Handlers;

/// <summary>One entry of <see cref="WebhookOptions.AllowedHosts"/>.</summary>
/// <param name="Name">The name or address; for a wildcard what follows the <c>*</c>, with its dot.</param>
/// <param name="Address">The address, if the entry is one.</param>
/// <param name="Wildcard">True for <c>*.name</c>.</param>
/// <param name="Port">The only port; null for every port.</param>
internal sealed record AllowedHost(string Name, IPAddress? Address, bool Wildcard, int? Port)
{
    /// <summary>Reads an entry; null if it is none.</summary>
    public static AllowedHost? Parse(string? entry)
    {
        string text = entry?.Trim() ?? "";
        if (!TrySplitPort(text, out string host, out int? port))
            return null;
        bool wildcard = host.StartsWith("*.", StringComparison.Ordinal);
        string name = Normalise(wildcard ? host[2..] : host);

        // Uri would read "127.1" as an address; an entry must say what it means.
        if (IPAddress.TryParse(name, out IPAddress? address))
            return wildcard || address.ToString() != name ? null : new AllowedHost(name, address, false, port);
        if (Uri.CheckHostName(name) != UriHostNameType.Dns || name.All(character => char.IsAsciiDigit(character) || character == '.'))
            return null;
        return new AllowedHost(wildcard ? "." + name : name, null, wildcard, port);
    }

    /// <summary>The form in which hosts are compared: ASCII, lower case, without brackets and without the dot of the root.</summary>
    public static string Normalise(string host)
    {
        string name = host.Trim('[', ']').ToLowerInvariant();
        if (name.Length > 1 && name[^1] == '.')
            name = name[..^1];
        if (IPAddress.TryParse(name, out IPAddress? address) && name.Contains(':', StringComparison.Ordinal))
            return address.ToString();
        try
        {
            return name.All(char.IsAscii) ? name : new IdnMapping().GetAscii(name);
        }
        catch (ArgumentException)
        {
            // No valid name: it stays what it is and equals nothing.
            return name;
        }
    }

    /// <summary>Whether this entry covers a host, given in its normal form, and a port.</summary>
    public bool Covers(string host, int port) =>
        (Port is null || Port == port) &&
        (Wildcard ? host.Length > Name.Length && host.EndsWith(Name, StringComparison.Ordinal) : host == Name);

    private static bool TrySplitPort(string text, out string host, out int? port)
    {
        (host, port) = (text, null);
        int colon = text.LastIndexOf(':');
        bool bareIPv6 = text.Count(character => character == ':') > 1 && !text.StartsWith('[');
        if (colon < 0 || bareIPv6 || text.EndsWith(']'))
            return text.Length > 0;
        host = text[..colon];
        bool valid = ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number);
        port = number;
        return valid && number > 0 && host.Length > 0;
    }
}
