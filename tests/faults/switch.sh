#!/bin/sh
# Puts other versions of the treaty in force while people edit both systems, and
# asks the oracle whether anything was lost or done twice, and whether a changed
# map reached records that nobody touched:
#   switch.sh BUILD_DIR [--seed N]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: switch.sh BUILD_DIR [--seed N]}" && pwd)
shift
exec node "$here/switch.mjs" "$build" "$@"
