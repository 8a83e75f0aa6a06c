#!/bin/sh
# Fuzzes each parser that meets the outside with libFuzzer, beginning from the
# corpora:
#   run.sh SCRATCH [SECONDS_EACH] [TARGET...]
# SCRATCH is a directory of its own: a build by clang, and what the fuzzer finds
# on the way (kept, so that a later run goes on from there). An input that breaks
# something is left in SCRATCH/TARGET.crash-*; a shrunk copy belongs into
# corpus/, together with the fix. Exit 0: nothing was found.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:?usage: run.sh SCRATCH [SECONDS_EACH] [TARGET...]}"
scratch=$(cd "$1" && pwd)
seconds=${2:-300}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- treaty rest salesforce store sandbox webhook http
[ -f "$scratch/build/build.ninja" ] ||
	CC=clang meson setup "$scratch/build" "$root" -Dfuzzer=true -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link >/dev/null
bad=0
for t in "$@"; do
	ninja -C "$scratch/build" "tests/fuzz/fuzz-$t" >"$scratch/build.log" 2>&1 ||
		{ tail -n 30 "$scratch/build.log"; exit 1; }
	mkdir -p "$scratch/found-$t"
	status=0
	"$scratch/build/tests/fuzz/fuzz-$t" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-max_len=20000 -artifact_prefix="$scratch/$t." -print_final_stats=1 \
		"$scratch/found-$t" "$root/tests/fuzz/corpus/$t" >"$scratch/$t.log" 2>&1 || status=$?
	printf '%s  fuzz-%s: %s inputs in %s s\n' "$([ $status = 0 ] && echo 'ok  ' || echo FAIL)" "$t" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$t.log")" "$seconds"
	[ $status = 0 ] || { bad=1; tail -n 40 "$scratch/$t.log"; }
done
exit $bad
