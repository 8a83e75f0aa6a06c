#!/bin/bash
# Messages to people, as a real SMTP server (aiosmtpd) and a receiver of webhooks
# get them: run-alerts.sh BUILD_DIR
set -eu
build=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
cd "$(dirname "$0")/alerts"
# Debian's own Python has Debian's package, whatever else is called python3 here.
for python in /usr/bin/python3 python3; do
	"$python" -c 'import aiosmtpd' 2>/dev/null && break
done
TREATY_BUILD=$build TREATY_PYTHON=$python exec node --test ./*.test.mjs
