namespace WorkQueue.AppHost;

/// <summary>What the resource pages link to.</summary>
internal static class Links
{
    /// <summary>One link with a name; the other addresses, which no browser can open, are left out.</summary>
    public static IResourceBuilder<T> WithNamedLink<T>(this IResourceBuilder<T> broker, string managementEndpoint)
        where T : IResourceWithEndpoints =>
        broker.WithUrls(context =>
        {
            context.Urls.RemoveAll(url => url.Endpoint?.EndpointName != managementEndpoint);
            context.Urls.ForEach(url => url.DisplayText = "RabbitMQ management");
        });

    public static IResourceBuilder<ProjectResource> WithLinks(this IResourceBuilder<ProjectResource> producer) => producer
        .WithUrlForEndpoint("http", url => url.DisplayText = "Task board")
        .WithUrlForEndpoint("http", _ => new ResourceUrlAnnotation { Url = "/openapi/v1.json", DisplayText = "OpenAPI" })
        .WithUrlForEndpoint("http", _ => new ResourceUrlAnnotation { Url = "/docs", DisplayText = "API reference" });
}
