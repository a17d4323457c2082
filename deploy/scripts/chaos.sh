#!/usr/bin/env bash
# Runs `go test ARGS` with random waits where events come from: HTTP servers (35 % of the
# requests, up to 600 ms), callbacks of NATS (20 %, up to 400 ms; audio keeps its time), SQL
# (10 %, up to 40 ms) and activities (30 %, up to 500 ms). The waits are put into copies of
# Go's and the modules' own sources under bin/chaos; nothing of Samtale is changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
go=${GO:-go}
out=$PWD/bin/chaos
mkdir -p "$out"

# wait_in FILE REGEXP CALL SOURCE: a wait before or after the matching line of a copy of SOURCE.
wait_in() { # copy, line (extended regexp), how (a: after, i: before), percent, milliseconds, condition
	local call="if ${6:-true} { chaos($4, $5) }"
	grep -Eq "$2" "$1" || { echo "chaos: $1 has no line like $2: this version is another" >&2; exit 1; }
	sed -E -i "/$2/$3 $call" "$1"
}
helper() { # copy
	chmod u+w "$1"
	sed -E -i '0,/^import \(/s//import (\n\tchaosrand "math\/rand"\n\tchaostime "time"/' "$1"
	cat >>"$1" <<-'GO'

	func chaos(percent, milliseconds int) {
		if chaosrand.Intn(100) < percent {
			chaostime.Sleep(chaostime.Duration(chaosrand.Intn(milliseconds)) * chaostime.Millisecond)
		}
	}
	GO
}
module() { # path: a writable copy of the module's folder
	local dir=$out/$(basename "$1")
	rm -rf "$dir"
	cp -r "$("$go" list -m -f '{{.Dir}}' "$1")" "$dir"
	chmod -R u+w "$dir"
	echo "$dir"
}

std=$("$go" env GOROOT)/src
cp "$std/net/http/server.go" "$out/server.go"
wait_in "$out/server.go" '^func \(sh serverHandler\) ServeHTTP\(' a 35 600
helper "$out/server.go"
cp "$std/database/sql/sql.go" "$out/sql.go"
wait_in "$out/sql.go" '^func \(db \*DB\) (ExecContext|QueryContext|BeginTx)\(' a 10 40
helper "$out/sql.go"
printf '{"Replace":{"%s":"%s","%s":"%s"}}\n' "$std/net/http/server.go" "$out/server.go" "$std/database/sql/sql.go" "$out/sql.go" >"$out/overlay.json"

nats=$(module github.com/nats-io/nats.go)
wait_in "$nats/nats.go" '^[[:space:]]+mcb\(m\)$' i 20 400 \
	'!strings.HasPrefix(m.Subject, "_INBOX.") \&\& !strings.HasPrefix(m.Subject, "audio.v1.") \&\& !strings.HasPrefix(m.Subject, "meetingsound.v1.")'
helper "$nats/nats.go"
sdk=$(module go.temporal.io/sdk)
wait_in "$sdk/internal/internal_task_handlers.go" '^func \(ath \*activityTaskHandlerImpl\) Execute\(' a 30 500
helper "$sdk/internal/internal_task_handlers.go"

cp go.mod go.sum "$out/"
"$go" mod edit -replace "github.com/nats-io/nats.go=$nats" -replace "go.temporal.io/sdk=$sdk" "$out/go.mod"
exec "$go" test -mod=mod -modfile="$out/go.mod" -overlay "$out/overlay.json" -vet=off -count=1 -timeout 60m "$@"
