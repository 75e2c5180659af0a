#!/usr/bin/env bash
# Installs Debian packages, as root and without questions, and lets none of them start a service: rabbitmq-server would
# take the standard port for a broker of the system's own.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

readonly policy=/usr/sbin/policy-rc.d
log=$(mktemp)
restore_policy() {
    rm -f "$log" "$policy"
    if [ -e "$policy.before-workqueue" ]; then
        mv "$policy.before-workqueue" "$policy"
    fi
}
trap restore_policy EXIT
trap 'exit 130' INT TERM HUP
if [ -e "$policy" ] && [ ! -e "$policy.before-workqueue" ]; then
    mv "$policy" "$policy.before-workqueue"
fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod +x "$policy"

update() {
    # Another apt may hold the lists; unlike for the packages, apt-get itself does not wait for that lock.
    local tries=0
    until apt-get update -q >"$log" 2>&1; do
        grep -q 'Could not get lock' "$log" && [ "$tries" -lt 60 ] || return 1
        tries=$((tries + 1))
        sleep 5
    done
}

install() {
    apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends "$@" >"$log" 2>&1
}

echo "setup: installing $*" >&2
installed_before=$(dpkg-query -W -f '${Package}\n' 2>/dev/null || true)
if ! install "$@" && ! { update && install "$@"; }; then
    tail -n 5 "$log" >&2
    echo "setup: installing $* failed" >&2
    exit 1
fi

# Nor shall they start with the machine from now on.
if [ -d /run/systemd/system ]; then
    for unit in rabbitmq-server.service epmd.service epmd.socket docker.service docker.socket containerd.service postgresql.service redis-server.service; do
        case $unit in
            epmd.*) package=erlang-base ;;
            docker.*) package=docker.io ;;
            *) package=${unit%.service} ;;
        esac
        if ! grep -qx "$package" <<<"$installed_before"; then
            systemctl --quiet disable "$unit" 2>/dev/null || true
        fi
    done
fi
