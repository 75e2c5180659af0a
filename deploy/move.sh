#!/usr/bin/env bash
# Moves what is in one RabbitMQ to another by shovels, which acknowledge a message when the other side has confirmed it: some may come twice, and none is lost.
# The steps, and when to stop what, are in docs/operations.md ("Moving to another cluster"). Needs the plugin rabbitmq_shovel on the new cluster, and runs there.
#
#   deploy/move.sh streams OLD-URI NEW-URI    copies what is known of tasks (history, pauses, schedules, unique keys, batches), and goes on copying
#   deploy/move.sh tasks OLD-URI NEW-URI      ends that, and moves what waits, what is delayed, and the dead letters
#   deploy/move.sh stop                       ends it all
#
#   RABBITMQCTL    how rabbitmqctl of the new cluster is run; "docker exec broker rabbitmqctl", say
#   VHOST          the virtual host of the new cluster, / unless set; the URIs name it too (…:5672/name)
#   PREFIX         WorkQueue:Prefix, wq unless set. An adopted queue (Queues:<queue>:Name), and one that the new cluster has not, is moved by hand
#
# A URI names one host: shovels take no list. The user of NEW-URI needs the tag "impersonator" where messages have the property user_id.
set -euo pipefail

readonly prefix=${PREFIX:-wq} vhost=${VHOST:-/} name=workqueue-move
fail() {
    echo "move.sh: $1" >&2
    exit 1
}
read -r -a control <<<"${RABBITMQCTL:-rabbitmqctl} --silent"

shovel() {
    "${control[@]}" set_parameter --vhost "$vhost" shovel "$name-$1" "{\"src-uri\":\"$from\",\"src-queue\":\"$1\",\"dest-uri\":\"$to\",\"ack-mode\":\"on-confirm\",\"src-prefetch-count\":1000,\"reconnect-delay\":1,$2}" >/dev/null
    echo "$1"
}

# The new cluster has the same queues, by the same settings (WorkQueue:DeclareOnly).
queues() { "${control[@]}" list_queues --vhost "$vhost" --no-table-headers name type exclusive | awk -v prefix="$prefix." -v stream="$1" 'index($1, prefix) == 1 && $3 != "true" && ($2 == "stream") == stream { print $1 }'; }

end() {
    local parameter
    "${control[@]}" list_parameters --vhost "$vhost" --no-table-headers | awk -v name="$name-" '$1 == "shovel" && index($2, name) == 1 { print $2 }' | while read -r parameter; do
        "${control[@]}" clear_parameter --vhost "$vhost" shovel "$parameter" >/dev/null </dev/null
    done
}

case ${1:-} in
    streams | tasks)
        from=${2:?the URI of the old cluster} to=${3:?the URI of the new cluster}
        case $from$to in *,*) fail "a URI has several hosts; a shovel takes one" ;; esac
        streams=$(queues 1)
        others=$(queues 0)
        [ -n "$streams" ] && [ -n "$others" ] || fail "the new cluster has no queues $prefix.… in the virtual host $vhost: declare them there first (WorkQueue:DeclareOnly)"
        end
        if [ "$1" = streams ]; then
            for queue in $streams; do
                shovel "$queue" "\"src-consumer-args\":{\"x-stream-offset\":\"first\"},\"dest-queue\":\"$queue\""
            done
        else
            for queue in $others; do
                case $queue in
                    # Nothing waits in them for more than a moment.
                    "$prefix".control.*) ;;
                    # Out of the ladder: a worker sends what came before its time back to it, for the rest of its wait.
                    "$prefix".delay.*) shovel "$queue" "\"dest-exchange\":\"$prefix.delay.deliver\"" ;;
                    *) shovel "$queue" "\"dest-queue\":\"$queue\"" ;;
                esac
            done
        fi
        ;;
    stop) end ;;
    *)
        sed -n '2,15s/^# \{0,1\}//p' "$0"
        exit 64
        ;;
esac
