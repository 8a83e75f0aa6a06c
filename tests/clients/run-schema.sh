#!/bin/bash
# The JSON Schemas that the program prints, read by validators nobody here wrote.
# usage: tests/clients/run-schema.sh BUILD_DIR
set -eu
build=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
cd "$(dirname "$0")/schema"
# npm writes that file last: an install that was cut short, or of other versions, is done again.
[ node_modules/.package-lock.json -nt package-lock.json ] ||
	npm ci --cache "$build/npm" --ignore-scripts --no-audit --no-fund --no-update-notifier --silent
TREATY="$build/src/cli/treaty" exec node --test ./*.test.mjs
