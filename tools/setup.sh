# shellcheck shell=bash
# setup.sh - what try, check and bench/run need on a fresh Debian 12; sourced by
# them. Missing packages are installed when that is possible (root, or sudo
# without a question); otherwise all of them are named and the run ends.

PACKAGES_BUILD='gcc meson ninja-build pkgconf libfyaml-dev libjson-c-dev libmicrohttpd-dev
	libcurl4-openssl-dev libsqlite3-dev libpq-dev libcmocka-dev libutf8proc-dev libssl-dev uthash-dev openssl
	tzdata'

# Nothing asks, and a closed stdin must not become the number of some other file.
exec </dev/null

say() { printf '%s\n' "$*" >&2; }

have_package() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

need_packages() {
	if ! command -v dpkg-query >/dev/null 2>&1; then
		say "this is no Debian; what these packages of it hold must be there: $*"
		return 0
	fi
	missing=
	for p in "$@"; do
		have_package "$p" || missing="$missing $p"
	done
	[ -z "$missing" ] && return 0
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root='sudo -n'
		if ! sudo -n true 2>/dev/null; then
			say "missing Debian packages; as root:  apt-get install --no-install-recommends$missing"
			exit 1
		fi
	fi
	say "installing Debian packages:$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086
	if ! { $as_root apt-get update -q &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		say "the packages could not be installed; as root:  apt-get install --no-install-recommends$missing"
		exit 1
	fi
	rm -f "$log"
}

# PostgreSQL's server is on nobody's PATH.
have_command() {
	command -v "$1" >/dev/null 2>&1 ||
		{ [ "$1" = postgres ] && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
}

# need [node] [npm] [postgres] [PACKAGE...]: all that building takes, and these; named in one go. Node may
# have come in another way than by a package; 18 (Debian's) is enough.
need() {
	also=
	for c in "$@"; do
		have_command "$c" && continue
		[ "$c" = node ] && c=nodejs
		[ "$c" = postgres ] && c=postgresql
		also="$also $c"
	done
	# shellcheck disable=SC2086
	need_packages $PACKAGES_BUILD $also
	major=$(node -p 'process.versions.node.split(".")[0]')
	[ "$major" -ge 18 ] && return 0
	say "node $major is too old: 18 or later is needed (Debian 12: apt-get install nodejs npm)"
	exit 1
}

# attended COMMAND...: runs it in a process group of its own, so that whoever
# stops this script, by Ctrl-C or by a signal to it alone, stops all that the
# command has started; what does not go in ten seconds is killed.
job=
attended() {
	set -m
	"$@" &
	job=$!
	set +m
	wait "$job"
	attended_status=$?
	job=
	return $attended_status
}

stop_job() {
	trap '' INT TERM HUP
	[ -n "$job" ] || return 0
	kill -TERM -- "-$job" 2>/dev/null
	for _ in $(seq 100); do
		kill -0 -- "-$job" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$job" 2>/dev/null
}

trap 'stop_job; exit 129' HUP
trap 'stop_job; exit 130' INT
trap 'stop_job; exit 143' TERM

# configure DIR [meson options], unless that was done.
configure() {
	dir=$1
	shift
	[ -f "$dir/build.ninja" ] && return 0
	meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; exit 1; }
	rm -f "$dir.log"
}

# build DIR [meson options]: configures when needed, then builds all.
build() {
	configure "$@"
	ninja -C "$1" >"$1/build.log" 2>&1 || { grep -vE '^\[' "$1/build.log" >&2; exit 1; }
}

# build_program DIR: the program and the sandbox, no tests.
build_program() {
	configure "$1"
	ninja -C "$1" src/cli/treaty sandbox/treaty-sandbox >"$1/build.log" 2>&1 ||
		{ grep -vE '^\[' "$1/build.log" >&2; exit 1; }
}
