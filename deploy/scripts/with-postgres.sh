#!/bin/sh
# Runs a command with a throw-away PostgreSQL server; SAMTALE_TEST_POSTGRES names it.
# Without PostgreSQL installed the command runs without one (its tests then skip).
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$bin" ] || exec "$@"

dir=$(mktemp -d /tmp/samtale-pg.XXXXXX)
as="" # PostgreSQL refuses to run as root
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as="runuser -u postgres --"
fi
cd /
$as "$bin/initdb" -D "$dir/data" -A trust -U postgres --no-sync >/dev/null
stop() {
	$as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT INT TERM
port=$(awk 'BEGIN { srand(); print 20000 + 15432 + int(rand() * 10000) }')
$as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
	-o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off" start >/dev/null || { cat "$dir/log" >&2; exit 1; }
cd "$OLDPWD"
SAMTALE_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable" "$@"
