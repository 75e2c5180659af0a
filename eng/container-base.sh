#!/usr/bin/env bash
# Builds a base image for the images of deploy/images.sh out of Debian packages and this machine's .NET runtime, for machines that cannot pull
# Microsoft's, and serves it from a registry on the loopback interface until its input is closed. As Microsoft's it has the user app (1654), who owns its home.
# Prints the image's name. Needs root, debootstrap, docker-registry and Docker.
#
#   WORKQUEUE_DEBIAN_MIRROR    the mirror to take it from; unless set, the one this machine's apt uses, or debootstrap's own
set -euo pipefail

readonly port=${1:?a port for the registry}
mirror=${WORKQUEUE_DEBIAN_MIRROR:-}
# shellcheck source=/dev/null
if [ -z "$mirror" ] && . /etc/os-release && [ "$ID" = debian ]; then
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian/\?$' || true)
fi

work=$(mktemp -d)
registry=
clean_up() {
    [ -z "$registry" ] || kill "$registry" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
failed() {
    tail -n 20 "$work/log" >&2
    echo "container-base.sh: $1" >&2
    exit 1
}

readonly image=localhost:$port/workqueue-base:10.0
readonly root=$work/root
cat >"$work/registry.yml" <<REGISTRY
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "127.0.0.1:$port" }
REGISTRY
docker-registry serve "$work/registry.yml" >"$work/log" 2>&1 </dev/null &
registry=$!

if [ -z "$(docker image ls --quiet workqueue-base:10.0)" ]; then
    debootstrap --variant=minbase --include=ca-certificates,libssl3t64,libstdc++6,tzdata trixie "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 || failed "debootstrap failed"
    rm -rf "$root"/var/cache/apt "$root"/var/lib/apt "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
    chroot "$root" useradd --uid 1654 --create-home --shell /usr/sbin/nologin app
    dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
    mkdir -p "$root/usr/share/dotnet"
    cp -r "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$root/usr/share/dotnet/"
    ln -s /usr/share/dotnet/dotnet "$root/usr/bin/dotnet"
    tar -C "$root" -c . | docker import \
        --change 'ENV APP_UID=1654 DOTNET_RUNNING_IN_CONTAINER=true PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'USER 1654' \
        - workqueue-base:10.0 >"$work/log" 2>&1 || failed "docker import failed"
fi
docker tag workqueue-base:10.0 "$image"
docker push --quiet "$image" >"$work/log" 2>&1 || failed "docker push failed"
echo "$image"
cat >/dev/null
