#!/usr/bin/env bash
# Runs all tests, in Release where CI=true. Sets up first what is missing.
# Arguments go to dotnet test, for example: ./test.sh --filter FullyQualifiedName~Unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

eng/setup.sh test

if [ "${CI:-}" = true ]; then
    set -- --configuration Release "$@"
fi
case " $* " in
    *' -v'* | *' --verbosity'*) ;;
    *) set -- --verbosity quiet "$@" ;;
esac
exec dotnet test WorkQueue.sln --nologo "$@"
