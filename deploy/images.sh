#!/usr/bin/env bash
# Publishes the images of producer and worker, by the SDK alone: workqueue-producer and workqueue-worker, of a few layers, without a shell, and not as root.
#
#   deploy/images.sh [TAG]                                    to this machine's Docker engine; the tag is the solution's version unless given
#   deploy/images.sh TAG -p:ContainerRegistry=registry.example.com    to a registry; what follows the tag goes to dotnet publish
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=${1:-$(sed -n 's#.*<Version>\(.*\)</Version>.*#\1#p' Directory.Build.props)}
for project in Producer Worker; do
    # For one system: natives of the others would be half of it.
    dotnet publish "WorkQueue.$project" --configuration Release --os linux --no-self-contained --verbosity quiet --nologo -t:PublishContainer \
        "-p:ContainerImageTag=$tag" "${@:2}" </dev/null
done
