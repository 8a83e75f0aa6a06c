# setup.sh - what try and check need on a fresh Debian 12; sourced by both.
# Missing packages are installed when that is possible (root, or sudo without a
# question); otherwise they are named and the run ends.

PACKAGES_BUILD='gcc meson ninja-build pkgconf libfyaml-dev libjson-c-dev libmicrohttpd-dev
	libcurl4-openssl-dev libsqlite3-dev libcmocka-dev libutf8proc-dev libssl-dev uthash-dev openssl'

say() { printf '%s\n' "$*" >&2; }

have_package() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

need_packages() {
	missing=
	for p in "$@"; do
		have_package "$p" || missing="$missing $p"
	done
	[ -z "$missing" ] && return 0
	say "installing Debian packages:$missing"
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root='sudo -n'
		if ! sudo -n true 2>/dev/null; then
			say "missing Debian packages; as root:  apt-get install --no-install-recommends$missing"
			exit 1
		fi
	fi
	log=$(mktemp)
	# shellcheck disable=SC2086
	if ! { $as_root apt-get update -q &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		say "the packages could not be installed; as root:  apt-get install --no-install-recommends$missing"
		exit 1
	fi
	rm -f "$log"
}

# The tests with real clients run on Node 18 (Debian's) or later.
need_node() {
	if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
		major=$(node -p 'process.versions.node.split(".")[0]')
		[ "$major" -ge 18 ] && return 0
		say "node $major is too old: 18 or later is needed (Debian 12: apt-get install nodejs npm)"
		exit 1
	fi
	need_packages nodejs npm
}

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
