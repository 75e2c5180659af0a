#!/bin/sh
# Runs one PostgreSQL out of a folder of its own, on 127.0.0.1 alone, with its defaults and no passwords. As root it runs as the user postgres, since it refuses to be
# root. Stop it with SIGINT. On Linux the process that ran this script becomes the server itself.
#
#   local-postgres.sh <folder> <port>
#
# With --check it starts nothing and says which PostgreSQL it would run.
# Exit codes: 69 no PostgreSQL; otherwise the server's.
set -eu
umask 077

# Debian has them outside the path, by version.
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)")
[ -x "$bin/postgres" ] || bin=$(dirname "$(command -v postgres || true)")
if ! [ -x "$bin/postgres" ] || ! [ -x "$bin/initdb" ]; then
    echo "local-postgres.sh: no postgres found" >&2
    exit 69
fi
if [ "$1" = --check ]; then
    echo "$bin/postgres"
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    chown postgres "$1"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh "$0" "$@"
fi
cd "$1"
"$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --no-locale >/dev/null
exec "$bin/postgres" -D "$1/data" -c listen_addresses=127.0.0.1 -c port="$2" -c unix_socket_directories=
