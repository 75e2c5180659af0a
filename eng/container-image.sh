#!/usr/bin/env bash
# Builds an image of RabbitMQ with the management plugin out of Debian packages, for machines that cannot pull the official one.
# As the official one it takes its user from RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS and keeps its data in /var/lib/rabbitmq.
# Prints the image's name, which ends with RabbitMQ's version. Needs root, debootstrap and Docker.
#
#   WORKQUEUE_DEBIAN_SUITE     trixie (workqueue-rabbitmq:4.0) unless set; sid has the newest RabbitMQ (workqueue-rabbitmq:4.3 when this was written)
#   WORKQUEUE_DEBIAN_MIRROR    the mirror to take it from; unless set, the one this machine's apt uses, or debootstrap's own
set -euo pipefail

readonly name=workqueue-rabbitmq
readonly suite=${WORKQUEUE_DEBIAN_SUITE:-trixie}
# One made before is of the same suite by its label.
made=$(docker image ls --filter "label=workqueue.suite=$suite" --format '{{.Repository}}:{{.Tag}}' | grep -m 1 "^$name:" || true)
if [ -n "$made" ]; then
    echo "$made"
    exit 0
fi

mirror=${WORKQUEUE_DEBIAN_MIRROR:-}
# shellcheck source=/dev/null
if [ -z "$mirror" ] && . /etc/os-release && [ "$ID" = debian ]; then
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian/\?$' || true)
fi

root=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf --one-file-system "$root" "$log"' EXIT
failed() {
    tail -n 20 "$log" >&2
    echo "container-image.sh: $1" >&2
    exit 1
}

debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$root" ${mirror:+"$mirror"} >"$log" 2>&1 || failed "debootstrap failed"
image=$name:$(chroot "$root" dpkg-query -W -f '${Version}' rabbitmq-server | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man "$root"/var/lib/rabbitmq/mnesia "$root"/var/lib/rabbitmq/.erlang.cookie
echo '[rabbitmq_management].' >"$root/etc/rabbitmq/enabled_plugins"
cat >"$root/usr/local/bin/entrypoint" <<'ENTRYPOINT'
#!/bin/sh
set -eu
if [ "$1" = rabbitmq-server ]; then
    mkdir -p /etc/rabbitmq/conf.d
    {
        echo "log.console = true"
        echo "log.console.level = warning"
        echo "log.file = false"
        [ -z "${RABBITMQ_DEFAULT_USER:-}" ] || echo "default_user = $RABBITMQ_DEFAULT_USER"
        [ -z "${RABBITMQ_DEFAULT_PASS:-}" ] || echo "default_pass = $RABBITMQ_DEFAULT_PASS"
    } >/etc/rabbitmq/conf.d/10-container.conf
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    # Not what was mounted there to be read.
    chown rabbitmq:rabbitmq /etc/rabbitmq /etc/rabbitmq/conf.d /etc/rabbitmq/enabled_plugins /etc/rabbitmq/conf.d/10-container.conf
    export HOME=/var/lib/rabbitmq
    shift
    exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups /usr/lib/rabbitmq/bin/rabbitmq-server "$@"
fi
exec "$@"
ENTRYPOINT
chmod +x "$root/usr/local/bin/entrypoint"

tar -C "$root" -c . | docker import \
    --change 'ENV LANG=C.UTF-8' \
    --change "LABEL workqueue.suite=$suite" \
    --change 'EXPOSE 5672 15672' \
    --change 'ENTRYPOINT ["/usr/local/bin/entrypoint"]' \
    --change 'CMD ["rabbitmq-server"]' \
    - "$image" >"$log" 2>&1 || failed "docker import failed"
echo "$image"
