#!/usr/bin/env bash
# Moves what is in one RabbitMQ to another by shovels, which acknowledge a message when the other side has confirmed it: some may come twice, and none is lost.
# The steps, and when to stop what, are in docs/operations.md ("Moving to another cluster"). Needs the plugin rabbitmq_shovel on the new cluster, and runs there.
#
#   deploy/move.sh streams OLD-URI NEW-URI    copies what is known of tasks (history, pauses, schedules, unique keys, batches), and goes on copying
#   deploy/move.sh tasks OLD-URI NEW-URI      ends that, and moves what waits, what is delayed, and the dead letters
#   deploy/move.sh stop                       ends it all
#
#   RABBITMQCTL    how rabbitmqctl of the new cluster is run; "docker exec broker rabbitmqctl", say
#   PREFIX         WorkQueue:Prefix, wq unless set. An adopted queue (Queues:<queue>:Name) is moved by hand
set -euo pipefail

readonly prefix=${PREFIX:-wq} name=workqueue-move
read -r -a control <<<"${RABBITMQCTL:-rabbitmqctl} --silent"

shovel() { "${control[@]}" set_parameter shovel "$name-$1" "{\"src-uri\":\"$from\",\"src-queue\":\"$1\",\"dest-uri\":\"$to\",\"ack-mode\":\"on-confirm\",\"src-prefetch-count\":1000,\"reconnect-delay\":1,$2}" >/dev/null; }

# The new cluster has the same queues, by the same settings (WorkQueue:DeclareOnly).
queues() { "${control[@]}" list_queues --no-table-headers name type exclusive | awk -v prefix="$prefix." -v stream="$1" 'index($1, prefix) == 1 && $3 != "true" && ($2 == "stream") == stream { print $1 }'; }

end() {
    local parameter
    "${control[@]}" list_parameters --no-table-headers | awk -v name="$name-" '$1 == "shovel" && index($2, name) == 1 { print $2 }' | while read -r parameter; do
        "${control[@]}" clear_parameter shovel "$parameter" >/dev/null </dev/null
    done
}

case ${1:-} in
    streams | tasks)
        from=${2:?the URI of the old cluster} to=${3:?the URI of the new cluster}
        end
        if [ "$1" = streams ]; then
            for queue in $(queues 1); do
                shovel "$queue" "\"src-consumer-args\":{\"x-stream-offset\":\"first\"},\"dest-queue\":\"$queue\""
            done
        else
            for queue in $(queues 0); do
                case $queue in
                    # Out of the ladder: a worker sends what came before its time back to it, for the rest of its wait.
                    "$prefix".delay.*) shovel "$queue" "\"dest-exchange\":\"$prefix.delay.deliver\"" ;;
                    *) shovel "$queue" "\"dest-queue\":\"$queue\"" ;;
                esac
            done
        fi
        ;;
    stop) end ;;
    *)
        sed -n '2,12s/^# \{0,1\}//p' "$0"
        exit 64
        ;;
esac
