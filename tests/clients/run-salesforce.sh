#!/bin/sh
# Real Salesforce clients against the sandbox.
# usage: tests/clients/run-salesforce.sh BUILD_DIR
set -eu
build=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
cd "$(dirname "$0")/salesforce"
[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund --silent
# The streaming client of jsforce keeps its timers after it has disconnected.
TREATY_SANDBOX="$build/sandbox/treaty-sandbox" exec node --test --test-force-exit .
