#!/bin/sh
# Runs one RabbitMQ broker out of a folder of its own: nothing of the system's RabbitMQ is read or touched, and everything
# it opens (AMQP, management, Erlang's distribution and name service) is on 127.0.0.1. Stop it with SIGTERM; start it again with
# the same folder and it has the same data. On Linux the process that ran this script becomes the broker itself.
#
#   WORKQUEUE_BROKER_DIR              data, logs and configuration; created if missing
#   WORKQUEUE_BROKER_USER             the one user, an administrator; it is created with the data, so keep it for a kept folder
#   WORKQUEUE_BROKER_PASSWORD         letters and digits; likewise
#   WORKQUEUE_BROKER_MANAGEMENT_PORT  port of the management API and pages; empty or missing: without the plugin
#   WORKQUEUE_BROKER_CONSUMER_TIMEOUT how long a delivery may stay unacknowledged, in milliseconds; empty or missing: RabbitMQ's 30 minutes
#   RABBITMQ_NODE_PORT                AMQP port
#   RABBITMQ_DIST_PORT                a free port for Erlang's distribution (0 is refused)
#   ERL_EPMD_PORT                     a free port for Erlang's name service
#
# With --check it starts nothing and says which rabbitmq-server it would run.
# Exit codes: 64 a variable is missing, 69 no RabbitMQ, 75 folder or port in use; otherwise the broker's.
set -eu
umask 077

fail() {
    code=$1
    shift
    echo "local-broker.sh: $*" >&2
    exit "$code"
}

# The programs themselves, not the wrappers in /usr/sbin: those change to the system's user and folders.
server=
for candidate in /usr/lib/rabbitmq/bin /opt/homebrew/opt/rabbitmq/sbin /usr/local/opt/rabbitmq/sbin; do
    if [ -x "$candidate/rabbitmq-server" ]; then
        server=$candidate/rabbitmq-server
        break
    fi
done
[ -n "$server" ] || server=$(command -v rabbitmq-server) || fail 69 "no rabbitmq-server found"
epmd=$(command -v epmd) || fail 69 "no epmd found (it comes with Erlang)"
if [ "${1:-}" = --check ]; then
    echo "$server"
    exit 0
fi

for name in WORKQUEUE_BROKER_DIR WORKQUEUE_BROKER_USER WORKQUEUE_BROKER_PASSWORD RABBITMQ_NODE_PORT RABBITMQ_DIST_PORT ERL_EPMD_PORT; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || fail 64 "$name is not set"
done

mkdir -p "$WORKQUEUE_BROKER_DIR"
dir=$(cd "$WORKQUEUE_BROKER_DIR" && pwd)
cd "$dir"
mkdir -p conf.d log plugins

# The broker inherits the lock through exec and holds it until it ends: a broker that is still stopping is waited for.
if command -v flock >/dev/null; then
    exec 9>running
    flock -w 10 9 || fail 75 "another broker uses $dir"
fi

cat >rabbitmq.conf <<CONF
default_user = $WORKQUEUE_BROKER_USER
default_pass = $WORKQUEUE_BROKER_PASSWORD
default_user_tags.administrator = true
# How long a delivery may stay unacknowledged, in milliseconds. Task timeouts must stay below it.
consumer_timeout = ${WORKQUEUE_BROKER_CONSUMER_TIMEOUT:-1800000}
CONF
if [ -n "${WORKQUEUE_BROKER_MANAGEMENT_PORT:-}" ]; then
    cat >>rabbitmq.conf <<CONF
management.tcp.ip = 127.0.0.1
management.tcp.port = $WORKQUEUE_BROKER_MANAGEMENT_PORT
CONF
    echo '[rabbitmq_management].' >enabled_plugins
else
    echo '[].' >enabled_plugins
fi
unset WORKQUEUE_BROKER_PASSWORD

export HOME="$dir"
RABBITMQ_NODENAME="workqueue-$(basename "$dir")@localhost"
export RABBITMQ_NODENAME
export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
export RABBITMQ_CONF_ENV_FILE="$dir/none"
export RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf"
export RABBITMQ_CONFIG_FILES="$dir/conf.d"
export RABBITMQ_ADVANCED_CONFIG_FILE="$dir/none"
export RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins"
export RABBITMQ_PLUGINS_EXPAND_DIR="$dir/plugins"
export RABBITMQ_MNESIA_BASE="$dir/data"
export RABBITMQ_LOG_BASE="$dir/log"
# Warnings go to the console. A health check that greets the broker and hangs up is not worth one.
export RABBITMQ_LOGS=-stderr
export RABBITMQ_LOG=warning,connection=error
export RABBITMQ_PID_FILE="$dir/pid"
export ERL_EPMD_ADDRESS=127.0.0.1
export ERL_EPMD_PORT
export ERL_CRASH_DUMP="$dir/log/erl_crash.dump"
# In the environment, so that the helper nodes the server starts keep to the loopback interface too.
export ERL_AFLAGS="-kernel inet_dist_use_interface {127,0,0,1}"
# Has the start script replace itself by the Erlang machine, which then gets the signals. It reads no input all the same, and leaves Ctrl+C to whoever started it.
export RABBITMQ_ALLOW_INPUT=1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput +Bi"

# Starts the name service, by the command that is given, as $epmd_pid.
start_epmd() {
    tries=0
    while :; do
        "$@" -address 127.0.0.1 -port "$ERL_EPMD_PORT" </dev/null >/dev/null 2>&1 9>&- &
        epmd_pid=$!
        sleep 0.1
        until "$epmd" -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do
            kill -0 "$epmd_pid" 2>/dev/null || break
            tries=$((tries + 1))
            [ "$tries" -lt 50 ] || fail 75 "Erlang's name service does not start on port $ERL_EPMD_PORT"
            sleep 0.1
        done
        if kill -0 "$epmd_pid" 2>/dev/null; then
            return
        fi
        # Somebody else had the port. The name service of a broker which was killed just now is about to end as well.
        tries=$((tries + 10))
        [ "$tries" -lt 50 ] || fail 75 "port $ERL_EPMD_PORT (ERL_EPMD_PORT) is in use"
        sleep 0.4
    done
}

echo "starting RabbitMQ on 127.0.0.1:$RABBITMQ_NODE_PORT${WORKQUEUE_BROKER_MANAGEMENT_PORT:+, management on http://127.0.0.1:$WORKQUEUE_BROKER_MANAGEMENT_PORT}"

if setpriv --pdeathsig KILL true 2>/dev/null; then
    # The broker takes this process over, so its name service ends with it, however it ends.
    start_epmd setpriv --pdeathsig KILL "$epmd"
    exec "$server" >log/banner
fi

epmd_pid=
trap 'kill "$epmd_pid" 2>/dev/null' EXIT
start_epmd "$epmd"
"$server" >log/banner &
server_pid=$!
trap 'kill -TERM "$server_pid" 2>/dev/null' TERM INT HUP
code=0
while kill -0 "$server_pid" 2>/dev/null; do
    code=0
    wait "$server_pid" || code=$?
done
exit "$code"
