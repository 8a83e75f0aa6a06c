#!/bin/bash
# Real Salesforce clients against the sandbox.
# usage: tests/clients/run-salesforce.sh BUILD_DIR
set -eu
build=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
cd "$(dirname "$0")/salesforce"
# npm writes that file last: an install that was cut short, or of other versions, is done again.
[ node_modules/.package-lock.json -nt package-lock.json ] ||
	npm ci --cache "$build/npm" --ignore-scripts --no-audit --no-fund --no-update-notifier --silent
TREATY_SANDBOX="$build/sandbox/treaty-sandbox" exec node --test ./*.test.mjs
