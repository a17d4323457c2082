#!/usr/bin/env bash
# Builds the Ollama server that the tests of models/llm/ollama talk to, from the Go
# module proxy. Usage: deploy/scripts/build-ollama.sh DEST
#
# Three C headers are missing from the module's zip; they lie in the zips of other
# modules and are taken from there. Nothing of it is committed or delivered: this
# server is for tests only, so it is compiled for a short build, not for speed.
#
# Does nothing when DEST is this version already. Needs Go, gcc and g++; the first
# build takes some minutes, later ones seconds, as long as Go's build cache lasts.
set -euo pipefail

version=v0.24.0 # the last one that runs models without a downloaded runner
headers=(
	github.com/ollama/ollama@v0.6.5    # json.hpp and stb_image.h
	github.com/gen2brain/malgo@v0.11.24 # miniaudio.h
)

say() { echo "build-ollama: $*" >&2; }
fail() {
	say "$*"
	say "Without this server the tests of models/llm/ollama skip their part with a real server."
	exit 1
}

[ $# = 1 ] || { say "usage: $0 DEST"; exit 2; }
dest=$1
go=${GO:-go}
stamp="$version headers ${headers[*]}"
if [ -x "$dest" ] && [ "$(cat "$dest.version" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi

command -v "$go" >/dev/null || fail "Go is not installed."
for tool in "${CC:-gcc}" "${CXX:-g++}"; do
	command -v "$tool" >/dev/null || fail "$tool is not installed (Debian and Ubuntu: apt-get install build-essential)."
done
mkdir -p "$(dirname "$dest")"
dest=$(cd "$(dirname "$dest")" && pwd)/$(basename "$dest")

# Outside any module: the versions asked for here are not those of ours.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# module prints the folder of a module in the module cache.
module() {
	local out
	out=$("$go" mod download -json "$1") || fail "The module proxy does not give $1: $out"
	grep -o '"Dir": "[^"]*"' <<<"$out" | cut -d '"' -f 4
}
say "fetches Ollama $version and its headers …"
module "github.com/ollama/ollama@$version" >/dev/null
old=$(module "${headers[0]}")
audio=$(module "${headers[1]}")

# The folder's path is part of Go's cache keys: the same for every checkout.
include=${XDG_CACHE_HOME:-$HOME/.cache}/samtale/ollama-$version/include
mkdir -p "$include/nlohmann" "$include/stb" "$include/miniaudio"
put() { # source target
	cmp -s "$1" "$2" || { cp "$1" "$2.$$" && chmod u+w "$2.$$" && mv "$2.$$" "$2"; }
}
put "$old/llama/llama.cpp/common/json.hpp" "$include/nlohmann/json.hpp"
put "$old/llama/llama.cpp/common/stb_image.h" "$include/stb/stb_image.h"
put "$audio/miniaudio.h" "$include/miniaudio/miniaudio.h"
printf '#pragma once\n#include "json.hpp"\n' > json_fwd.hpp
put json_fwd.hpp "$include/nlohmann/json_fwd.hpp"

say "builds Ollama $version (C++: about 6 minutes on two cores the first time) …"
begun=$SECONDS
beat() { while sleep 60; do say "still builds, $(((SECONDS - begun) / 60)) min …"; done; }
beat &
beat=$!
trap 'kill $beat 2>/dev/null || true; rm -rf "$work"' EXIT
GOBIN="$work/bin" GOFLAGS='' CGO_ENABLED=1 CGO_CPPFLAGS="-I$include" CGO_CFLAGS="-O1 -g0" CGO_CXXFLAGS="-O1 -g0" \
	"$go" install -trimpath -ldflags "-s -w -X github.com/ollama/ollama/version.Version=${version#v}" \
	"github.com/ollama/ollama@$version" 2>log || { tail -n 40 log >&2; fail "Ollama $version does not build here."; }

rm -f "$dest.version"
mv "$work/bin/ollama" "$dest.$$" && mv "$dest.$$" "$dest"
echo "$stamp" > "$dest.version"
say "built $dest in $((SECONDS - begun)) s"
