#!/usr/bin/env bash
# Runs everything: the broker, the producer, the workers and the dashboard. Sets up first what is missing.
# Arguments are settings of the AppHost, for example: ./run.sh --Workers=4 --Broker:Mode=local
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

eng/setup.sh run "$@"

# No compiler or build server may outlive the run.
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
exec dotnet run --project WorkQueue.AppHost -- "$@"
