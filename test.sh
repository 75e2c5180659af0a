#!/usr/bin/env bash
# Runs all tests, in Release where CI=true, and prints the table of the fault tests. Sets up first what is missing.
# Arguments go to dotnet test, for example: ./test.sh --filter FullyQualifiedName~Unit
# ./test.sh --faults [arguments] runs the fault tests alone, in their long forms: 20,000 tasks instead of 2,500, a batch of 100,000, 35 leaders killed instead of 4.
# That takes most of an hour; --filter FullyQualifiedName~BatchFaultTests, say, takes some of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

eng/setup.sh test

if [ "${1:-}" = --faults ]; then
    shift
    export WORKQUEUE_FAULT_TASKS="${WORKQUEUE_FAULT_TASKS:-20000}"
    case " $* " in
        *' --filter '*) ;;
        *) set -- --filter FullyQualifiedName~WorkQueue.Tests.Faults "$@" ;;
    esac
fi
if [ "${CI:-}" = true ]; then
    set -- --configuration Release "$@"
fi
case " $* " in
    *' -v'* | *' --verbosity'*) ;;
    # Quiet of the build; of a failed test the message is wanted.
    *) set -- --verbosity quiet --logger 'console;verbosity=minimal' "$@" ;;
esac

# Many programs at once: where each watches its settings, those of a machine are soon used up (128 for a user on Linux), and the next one dies at its start.
export DOTNET_hostBuilder__reloadConfigOnChange=false ASPNETCORE_hostBuilder__reloadConfigOnChange=false

table=$(mktemp)
trap 'rm -f "$table"' EXIT
code=0
WORKQUEUE_FAULT_REPORT=$table dotnet test WorkQueue.sln --nologo "$@" || code=$?
cat "$table"
exit "$code"
