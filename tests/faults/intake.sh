#!/bin/sh
# Posts signed webhooks over 1, 32, 256 and 1,000 connections while the store is
# slow, its disk full, the daemon killed by SIGKILL: nothing that was answered
# with success may be missing, and what is repeated is there once.
#   intake.sh BUILD_DIR [--long]
# --long: half a minute and ten deaths each, else a second and two.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: intake.sh BUILD_DIR [--long]}" && pwd)
shift
# without root: a name space in which a small disk can be mounted
if [ "$(id -u)" != 0 ] && unshare -rm true 2>/dev/null; then
	exec unshare -rm node "$here/intake.mjs" "$build" "$@"
fi
exec node "$here/intake.mjs" "$build" "$@"
