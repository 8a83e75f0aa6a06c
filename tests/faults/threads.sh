#!/bin/sh
# Our own threads under the thread sanitizer, in a build of its own with few
# targets:
#   threads.sh BUILD_DIR [--long]
# --long: also an office at work (office.sh), with daemon and sandbox built so.
# Nothing is suppressed: as Debian 12 has them, the libraries' threads need it not.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: threads.sh BUILD_DIR [--long]}
long=${2:-}
targets='tests/flow/test-threads tests/unit/test-store tests/unit/test-store-rows
	tests/unit/test-governor tests/unit/test-net'
[ -z "$long" ] || targets="$targets src/cli/treaty sandbox/treaty-sandbox"
[ -f "$build/build.ninja" ] ||
	meson setup "$build" "$here/../.." -Dwerror=true -Db_sanitize=thread -Db_lundef=false >/dev/null
# shellcheck disable=SC2086
ninja -C "$build" $targets >"$build/build.log" 2>&1 || { grep -vE '^\[' "$build/build.log"; exit 1; }
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
meson test -C "$build" --no-rebuild --print-errorlogs threads store store-rows governor net
[ -z "$long" ] || "$here/office.sh" "$build" --days 3
