using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static class ContainerResourceBuilderExtensions
{
    public static IResourceBuilder<ContainerResource> AddContainer(this IDistributedApplicationBuilder builder, string name, string image) =>
        builder.AddResource(new ContainerResource(name)).WithImage(image);

    public static IResourceBuilder<T> WithImage<T>(this IResourceBuilder<T> builder, string image, string? tag = null)
        where T : ContainerResource
    {
        // "registry:5000/name" has a colon too: a tag's colon comes after the last slash.
        int colon = image.LastIndexOf(':');
        bool tagged = colon > image.LastIndexOf('/');
        if (tagged && tag is not null)
            throw new InvalidOperationException($"The image '{image}' already names a tag; the tag '{tag}' cannot be given as well.");

        string? registry = builder.Resource.Last<ContainerImageAnnotation>()?.Registry;
        return builder.WithAnnotation(
            new ContainerImageAnnotation { Registry = registry, Image = tagged ? image[..colon] : image, Tag = tagged ? image[(colon + 1)..] : tag ?? "latest" },
            ResourceAnnotationMutationBehavior.Replace);
    }

    public static IResourceBuilder<T> WithImageTag<T>(this IResourceBuilder<T> builder, string tag)
        where T : ContainerResource
    {
        builder.Resource.Image.Tag = tag;
        return builder;
    }

    public static IResourceBuilder<T> WithImageRegistry<T>(this IResourceBuilder<T> builder, string? registry)
        where T : ContainerResource
    {
        builder.Resource.Image.Registry = registry;
        return builder;
    }

    public static IResourceBuilder<T> WithVolume<T>(this IResourceBuilder<T> builder, string? name, string target, bool isReadOnly = false)
        where T : ContainerResource => builder.WithAnnotation(new VolumeAnnotation(name, target, isReadOnly));

    public static IResourceBuilder<T> WithLifetime<T>(this IResourceBuilder<T> builder, ContainerLifetime lifetime)
        where T : ContainerResource => builder.WithAnnotation(new ContainerLifetimeAnnotation(lifetime), ResourceAnnotationMutationBehavior.Replace);
}
