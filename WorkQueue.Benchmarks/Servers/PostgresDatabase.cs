using System.Globalization;
using Npgsql;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>The database of a peer that keeps its jobs in one.</summary>
internal static class PostgresDatabase
{
    /// <summary>Its connection string; what was in the schema before is gone.</summary>
    /// <param name="server">The server.</param>
    /// <param name="schema">What the peer calls its part of the database.</param>
    public static async Task<string> EmptyAsync(LocalServer server, string schema)
    {
        int port = await server.PortAsync();
        string connectionString = string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres");
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(connectionString);
        await using NpgsqlCommand drop = source.CreateCommand($"drop schema if exists {schema} cascade");
        await drop.ExecuteNonQueryAsync();
        return connectionString;
    }
}
