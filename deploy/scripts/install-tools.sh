#!/bin/sh
# Installs what the tests use beside Go and Node: Chromium, Firefox (on Debian: others have no package that can be
# driven), Safari's engine (WebKitGTK), baresip, sipp, espeak-ng and PostgreSQL. Debian and Ubuntu as root or with
# sudo; elsewhere it says what to install, and the tests that need a missing tool are skipped (or fail, with
# REQUIRE_INTEGRATION=1).
set -eu

missing=""
need() { # command package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need chromium chromium
if grep -qs '^ID=debian' /etc/os-release; then need firefox-esr firefox-esr; fi
need WebKitWebDriver webkit2gtk-driver
need Xvfb xvfb
need baresip baresip-core
need sipp sip-tester
need espeak-ng espeak-ng
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "Not installed:$missing. Install them with your package manager to run every test." >&2
	exit 0
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || { echo "Run as root, or install:$missing" >&2; exit 0; }
	sudo="sudo"
fi
echo "Installing:$missing" >&2
$sudo apt-get update -q
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing
