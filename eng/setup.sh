#!/usr/bin/env bash
# Sets up what ./run.sh and ./test.sh need and this machine lacks. Silent where nothing is missing; asks no questions.
#
#   eng/setup.sh run [the AppHost's arguments]    a broker of the kind that the run will use
#   eng/setup.sh test                             an installed rabbitmq-server, which the tests start and stop themselves, a Chromium, and AMQP clients in Python
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly dashboard_version=13.5.4
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

# Real Aspire where the package feed has it; where it does not, the stand-in, by a file that the build reads.
choose_aspire() {
    if [ -n "${AspireSource:-}" ]; then
        aspire=$AspireSource
        return
    fi
    local question
    question=$(cat eng/Aspire.props WorkQueue.AppHost/WorkQueue.AppHost.csproj nuget.config ~/.nuget/NuGet/NuGet.Config 2>/dev/null | cksum; echo "${AspireVersion:-}")
    if [ -f "$stamps/aspire" ] && [ "$(tail -n +2 "$stamps/aspire")" = "$question" ]; then
        aspire=$(head -n 1 "$stamps/aspire")
        if [ "$aspire" = packages ] || [ -f eng/Aspire.local.props ]; then
            return
        fi
    fi

    local log=$stamps/restore.log
    if DOTNET_CLI_UI_LANGUAGE=en dotnet restore WorkQueue.AppHost -nologo -tl:off -p:AspireSource=packages >"$log" 2>&1; then
        aspire=packages
        rm -f eng/Aspire.local.props
    elif grep -qE 'NU1301|Unable to load the service index|Failed to retrieve information about' "$log"; then
        grep -m 3 -E 'NU1301|Unable to load|Failed to retrieve' "$log" >&2
        die "the package feed cannot be reached; nothing was changed (all output: $log)"
    elif grep -qE 'NU110[123]|MSB4236|Could not resolve SDK' "$log"; then
        aspire=standin
        say "the package feed does not carry Aspire: building with the stand-in (eng/aspire-standin/README.md)"
        cat >eng/Aspire.local.props <<'XML'
<Project>
  <!-- Written by eng/setup.sh, since the package feed does not carry Aspire. Delete it, and .workqueue/setup, to have the feed asked again. -->
  <PropertyGroup>
    <AspireSource Condition="'$(AspireSource)' == ''">standin</AspireSource>
  </PropertyGroup>
</Project>
XML
    else
        tail -n 5 "$log" >&2
        die "restoring the packages failed (all output: $log)"
    fi
    printf '%s\n%s\n' "$aspire" "$question" >"$stamps/aspire"
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

# Rendering PDFs takes a TrueType font; macOS and desktops have some.
need_font() {
    if [ "$(uname)" != Linux ] || [ -n "$(find /usr/share/fonts /usr/local/share/fonts ~/.fonts ~/.local/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ]; then
        return
    fi
    if can_install; then
        packages+=(fonts-dejavu-core)
    else
        say "no TrueType font is installed: render-pdf tasks will fail (on Debian: apt-get install fonts-dejavu-core)"
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

install_dashboard() {
    local folder=.workqueue/dashboard platform
    if [ "$aspire" != standin ] || { [ -x $folder/bundle/managed/aspire-managed ] && [ "$(cat $folder/version 2>/dev/null)" = "$dashboard_version" ]; }; then
        return
    fi
    case $(uname -sm) in
        'Linux x86_64') platform=linux-x64 ;;
        'Linux aarch64') platform=linux-arm64 ;;
        *)
            say "no dashboard: the stand-in has one on Linux only"
            return
            ;;
    esac
    if ! command -v npm >/dev/null; then
        say "no dashboard: fetching it takes npm; everything else runs"
        return
    fi
    rm -rf $folder
    mkdir -p $folder
    # The CLI unpacks into its home whatever it is told, and checks what it finds there: so its home is where we want it.
    if (
        cd $folder
        npm pack --silent --fetch-timeout=60000 --fetch-retries=1 "@microsoft/aspire-cli-$platform@$dashboard_version" &&
            tar -xzf ./*.tgz &&
            HOME=$PWD ASPIRE_CLI_TELEMETRY_OPTOUT=true "$(find "$PWD/package" -type f -name aspire -print -quit)" setup --install-path "$PWD/.aspire" --non-interactive &&
            ln -s .aspire/bundle bundle
    ) </dev/null >$stamps/dashboard.log 2>&1 && [ -x $folder/bundle/managed/aspire-managed ]; then
        echo $dashboard_version >$folder/version
    else
        say "no dashboard: fetching it with npm failed ($stamps/dashboard.log); everything else runs"
    fi
    rm -rf $folder/package $folder/*.tgz $folder/.cache $folder/.local $folder/.nuget
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
        ;;
    *) need_broker "$(broker_mode "${@:2}")" ;;
esac
need_font
if [ ${#packages[@]} -gt 0 ]; then
    eng/apt-install.sh "${packages[@]}" 8>&-
fi
choose_aspire
install_dashboard
