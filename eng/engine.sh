# Sourced: starts a Docker engine of its own where none answers, and stops it again.
# Everything it has is in a folder that is given, its socket too: it meets no other engine, and goes without a trace.
# shellcheck shell=bash

engine_pid=

engine_answers() { [ -n "$(timeout 5 docker info --format '{{.ServerVersion}}' 2>/dev/null)" ]; }

# need_engine FOLDER: sets DOCKER_HOST where it starts one; installs Docker on Debian.
need_engine() {
    if engine_answers; then
        return 0
    fi
    if ! command -v dockerd >/dev/null; then
        "$(dirname "${BASH_SOURCE[0]}")/apt-install.sh" docker.io iptables </dev/null
    fi
    local driver
    export DOCKER_HOST=unix://$1/docker.sock
    for driver in overlay2 vfs; do
        dockerd --host "$DOCKER_HOST" --data-root "$1/docker" --exec-root "$1/exec" --pidfile "$1/docker.pid" --storage-driver "$driver" >"$1/dockerd.log" 2>&1 </dev/null &
        engine_pid=$!
        for _ in $(seq 60); do
            if engine_answers; then
                return 0
            fi
            kill -0 "$engine_pid" 2>/dev/null || break
            sleep 0.5
        done
        kill -TERM "$engine_pid" 2>/dev/null || true
        wait "$engine_pid" 2>/dev/null || true
        engine_pid=
    done
    tail -n 5 "$1/dockerd.log" >&2
    unset DOCKER_HOST
    return 1
}

stop_engine() {
    if [ -n "$engine_pid" ] && kill -TERM "$engine_pid" 2>/dev/null; then
        for _ in $(seq 300); do
            kill -0 "$engine_pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    engine_pid=
}
