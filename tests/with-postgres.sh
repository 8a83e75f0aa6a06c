#!/bin/sh
# Runs a command with a PostgreSQL server of its own, on a unix socket in a
# scratch directory, and stops it by its process id:
#   with-postgres.sh COMMAND...
# The command finds in TREATY_TEST_POSTGRES how to connect (an empty database of
# which it is the owner). Nothing is asked of a server that Debian may have
# started. Where none is installed: exit code 77, Meson's 'skipped'.
set -eu

bin=${TREATY_POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
if [ ! -x "$bin/postgres" ]; then
	echo "with-postgres: there is no PostgreSQL server (Debian: apt-get install postgresql)" >&2
	exit 77
fi

# not under TMPDIR: the server's user may not enter that, and a socket's path is short
dir=$(mktemp -d /tmp/treaty-postgres-XXXXXX)
server=
stop() {
	if [ -n "$server" ]; then
		kill -INT "$server" 2>/dev/null || :
		wait "$server" 2>/dev/null || :
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# the server refuses to run as root
as=
if [ "$(id -u)" = 0 ]; then
	as='setpriv --reuid=postgres --regid=postgres --clear-groups'
	chown postgres "$dir"
	chmod 0755 "$dir"
fi
cd "$dir"
# shellcheck disable=SC2086
$as "$bin/initdb" -D "$dir/data" -U treaty -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
	>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
cd "$OLDPWD"
# shellcheck disable=SC2086
$as "$bin/postgres" -D "$dir/data" -c listen_addresses= -c unix_socket_directories="$dir" \
	-c shared_buffers=32MB -c max_connections=20 >"$dir/log" 2>&1 </dev/null &
server=$!
tries=0
until "$bin/psql" -qX -h "$dir" -U treaty -d postgres -c 'CREATE DATABASE treaty' 2>/dev/null; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$dir/log" >&2
		exit 1
	fi
	sleep 0.1
done

export TREATY_TEST_POSTGRES="host=$dir dbname=treaty user=treaty"
status=0
"$@" || status=$?
exit $status
