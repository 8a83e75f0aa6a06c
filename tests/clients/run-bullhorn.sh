#!/bin/sh
# Drives the sandbox's Bullhorn over HTTP as a client would: run-bullhorn.sh BUILD_DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
TREATY_SANDBOX=$(cd "${1:?usage: run-bullhorn.sh BUILD_DIR}" && pwd)/sandbox/treaty-sandbox
export TREATY_SANDBOX
exec node --test "$here"/bullhorn/*.test.mjs
