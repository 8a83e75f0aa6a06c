#!/bin/sh
# An office at work in both systems, faults of every kind, pauses and restarts,
# drawn from a seed; then quiet, and the oracle:
#   office.sh BUILD_DIR [--seed N] [--days N] [--hours N] [--size N] [--minutes N]
# A day is a firm of its own with so many hours, each ending in quiet. Without
# --seed a fresh one is drawn. --minutes N: days until so much time has passed;
# --long: four hours of them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: office.sh BUILD_DIR [--seed N] [--long]}" && pwd)
shift
exec node "$here/office.mjs" "$build" "$@"
