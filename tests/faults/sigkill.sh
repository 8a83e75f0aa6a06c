#!/bin/sh
# Kills the daemon with SIGKILL at random moments of a burst of edits, and asks
# the oracle each time whether both systems agree afterwards:
#   sigkill.sh BUILD_DIR [--long] [--seed N] [--deaths N] [--edits N] [--size N]
# --long: 200 deaths in bursts of 5,000 edits; else 10 in bursts of 120.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: sigkill.sh BUILD_DIR [--long]}" && pwd)
shift
exec node "$here/sigkill.mjs" "$build" "$@"
