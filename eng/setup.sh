#!/usr/bin/env bash
# Sets up what ./run.sh and ./test.sh need and this machine lacks. Silent where nothing is missing; asks no questions.
#
#   eng/setup.sh run [the AppHost's arguments]    a broker of the kind that the run will use
#   eng/setup.sh benchmarks                       an installed rabbitmq-server, and the peers that the benchmarks measure beside it
#   eng/setup.sh test                             an installed rabbitmq-server and PostgreSQL, which the tests start and stop themselves, a Chromium, and AMQP clients in Python
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly three_ways='start Docker or Podman, install rabbitmq-server, or set ConnectionStrings__rabbitmq to a broker that runs'
readonly stamps=.workqueue/setup

say() { echo "setup: $*" >&2; }
die() {
    say "$*"
    exit 1
}

check_sdk() {
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: install it from https://dotnet.microsoft.com/download/dotnet/10.0"
    dotnet --version >/dev/null 2>&1 || die "the .NET 10 SDK is missing (there is another): install it from https://dotnet.microsoft.com/download/dotnet/10.0"
}

engine_answers() {
    local engine
    for engine in ${ASPIRE_CONTAINER_RUNTIME:-docker podman}; do
        case $engine in
            docker) [ -n "$(timeout 5 docker info --format '{{.ServerVersion}}' 2>/dev/null)" ] && return 0 ;;
            *) timeout 5 "$engine" info >/dev/null 2>&1 && return 0 ;;
        esac
    done
    return 1
}

server_installed() { sh WorkQueue.AppHost/local-broker.sh --check >/dev/null 2>&1; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The broker mode that the arguments or the environment ask for.
broker_mode() {
    local mode=${Broker__Mode:-auto} previous='' argument
    for argument in "$@"; do
        argument=$(tr '[:upper:]' '[:lower:]' <<<"$argument")
        case $argument in
            *broker:mode=*) mode=${argument#*=} ;;
            *connectionstrings:rabbitmq*) if [ "$mode" = auto ]; then mode=external; fi ;;
            *) if [ "$previous" = --broker:mode ]; then mode=$argument; fi ;;
        esac
        previous=$argument
    done
    mode=$(tr '[:upper:]' '[:lower:]' <<<"$mode")
    if [ "$mode" = auto ] && [ -n "${ConnectionStrings__rabbitmq:-}" ]; then
        mode=external
    fi
    echo "$mode"
}

need_broker() {
    case $1 in
        external | container) return ;;
        auto) if engine_answers || server_installed; then return; fi ;;
        *) if server_installed; then return; fi ;;
    esac
    if can_install; then
        packages+=(rabbitmq-server)
    elif [ "$1" = test ] && engine_answers; then
        return
    else
        die "no broker: $three_ways"
    fi
}

# The tests of the board look at it in a browser.
need_browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then
            return
        fi
    done
    if can_install; then
        packages+=(chromium)
    else
        say "no Chromium: the board's tests in a browser will be skipped (on Debian: apt-get install chromium)"
    fi
}

# Programs in other languages share queues with ours in some tests. Debian's own Python, for which its packages are.
need_other_clients() {
    if command -v amqp-publish >/dev/null && { /usr/bin/python3 -c 'import pika, aio_pika' || python3 -c 'import pika, aio_pika'; } 2>/dev/null; then
        return
    fi
    if can_install; then
        packages+=(python3-pika python3-aio-pika amqp-tools)
    else
        say "no Python with pika and aio-pika, or no amqp-publish: the tests with other clients will be skipped (on Debian: apt-get install python3-pika python3-aio-pika amqp-tools)"
    fi
}

postgres_installed() { sh eng/local-postgres.sh --check >/dev/null 2>&1; }

# The tests of the outbox have a database.
need_postgres() {
    if postgres_installed; then
        return
    fi
    if can_install; then
        packages+=(postgresql)
    else
        say "no PostgreSQL: the tests of the outbox will be skipped (on Debian: apt-get install postgresql)"
    fi
}

# Peers of the benchmarks; what is missing they leave out, with the reason.
need_peers() {
    local wanted=()
    /usr/bin/python3 -c 'import pika' 2>/dev/null || wanted+=(python3-pika)
    /usr/bin/python3 -c 'import celery, redis' 2>/dev/null || wanted+=(python3-celery python3-redis)
    command -v redis-server >/dev/null || wanted+=(redis-server)
    postgres_installed || wanted+=(postgresql)
    command -v npm >/dev/null || wanted+=(nodejs npm)
    if [ ${#wanted[@]} -eq 0 ] || can_install; then
        packages+=("${wanted[@]}")
    else
        say "peers that will not be measured are missing (on Debian: apt-get install ${wanted[*]})"
    fi
}

# Of one lock file; nothing of a module runs while it is installed.
need_peer_modules() {
    local sources=WorkQueue.Benchmarks/peers modules=.workqueue/peers
    if ! command -v npm >/dev/null || cmp -s $sources/package-lock.json $modules/installed; then
        return
    fi
    mkdir -p $modules
    cp $sources/package.json $sources/package-lock.json $modules/
    if npm ci --prefix $modules --ignore-scripts --no-audit --no-fund --silent >&2; then
        cp $sources/package-lock.json $modules/installed
    else
        say "BullMQ could not be installed from npm, and will not be measured"
    fi
}

check_sdk
mkdir -p $stamps
if command -v flock >/dev/null; then
    exec 8>$stamps/lock
    flock 8
fi

packages=()
case ${1:-run} in
    test)
        need_broker test
        need_browser
        need_other_clients
        need_postgres
        ;;
    benchmarks)
        need_broker local
        need_peers
        ;;
    *) need_broker "$(broker_mode "${@:2}")" ;;
esac
if [ ${#packages[@]} -gt 0 ]; then
    eng/apt-install.sh "${packages[@]}" 8>&-
fi
if [ "${1:-run}" = benchmarks ]; then
    need_peer_modules
fi
