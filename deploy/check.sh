#!/usr/bin/env bash
# Proves what is in this folder: publishes the images, starts the compose file on a Docker engine (a cluster of three brokers, a producer, workers), sends
# 20,000 tasks while a broker is killed, the workers go from 1 to 4 and back to 1 and everything is upgraded, counts every run, and reads the files
# for Kubernetes as what they say they are. Installs on Debian what it lacks, needs root there, and leaves nothing running.
#
#   WORKQUEUE_CHECK_TASKS     how many tasks; 20000 unless set
#   RABBITMQ_IMAGE            the brokers' image; where Docker Hub cannot be reached it is built from Debian's packages
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=eng/engine.sh
source eng/engine.sh

# Tags of its own: a deployment on this machine keeps its images.
readonly first=0.1.0-check second=0.1.1-check
work=$(mktemp -d)
base_pid=
clean_up() {
    [ -z "$base_pid" ] || kill -TERM "$base_pid" 2>/dev/null || true
    # What a test that was cut off has left.
    docker ps --all --quiet --filter name=workqueue-check- 2>/dev/null | xargs -r docker rm --force --volumes >/dev/null 2>&1 || true
    docker network ls --quiet --filter name=workqueue-check- 2>/dev/null | xargs -r docker network rm >/dev/null 2>&1 || true
    docker volume ls --quiet --filter name=workqueue-check- 2>/dev/null | xargs -r docker volume rm >/dev/null 2>&1 || true
    stop_engine
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
started=$(date +%s)
step() { echo "== $* ($(($(date +%s) - started)) s)"; }

step "set-up"
eng/setup.sh test </dev/null
wanted=()
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || wanted+=(docker-compose)
[ ${#wanted[@]} -eq 0 ] || eng/apt-install.sh "${wanted[@]}" </dev/null
need_engine "$work"

# pull IMAGE: where nothing can be pulled from it is known at once.
pull() { timeout 120 docker pull --quiet "$1" >/dev/null 2>&1; }
free_port() {
    local port
    for port in $(seq 5055 5155); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}
need_debian_tools() {
    command -v debootstrap >/dev/null && command -v docker-registry >/dev/null || eng/apt-install.sh debootstrap debian-archive-keyring docker-registry </dev/null
}

step "brokers' image"
if [ -z "${RABBITMQ_IMAGE:-}" ]; then
    RABBITMQ_IMAGE=rabbitmq:4.3-management
    if ! pull "$RABBITMQ_IMAGE"; then
        need_debian_tools
        RABBITMQ_IMAGE=$(eng/container-image.sh)
    fi
fi
export RABBITMQ_IMAGE
echo "$RABBITMQ_IMAGE"

step "images of producer and worker"
publish=()
if ! pull mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled-extra; then
    need_debian_tools
    mkfifo "$work/base" "$work/hold"
    eng/container-base.sh "$(free_port)" <"$work/hold" >"$work/base" &
    base_pid=$!
    exec 7>"$work/hold"
    read -r base <"$work/base" || { echo "check.sh: no base image" >&2; exit 1; }
    publish+=("-p:ContainerBaseImage=$base")
fi
# The other version first: the tests are built of this one.
deploy/images.sh $second "-p:Version=$second" "${publish[@]}"
deploy/images.sh $first "${publish[@]}"
docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep '^workqueue-\(producer\|worker\):'

step "compose and kubernetes"
export WORKQUEUE_CHECK_TAGS="$first $second" WORKQUEUE_FAULT_REPORT=$work/report CI=true
dotnet test WorkQueue.Tests --configuration Release --nologo --filter FullyQualifiedName~WorkQueue.Tests.Deploy --logger 'console;verbosity=normal' </dev/null
cat "$work/report"
step "done"
