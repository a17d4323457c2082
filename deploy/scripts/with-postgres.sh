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
# Tests are postgres; a role that they make needs its password.
printf 'local all postgres trust\nlocal all all scram-sha-256\n' >"$dir/data/pg_hba.conf"
stop() {
	$as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT INT TERM
# A socket in the folder: no port to be taken by somebody else. Packages run in parallel, each with pools of its own.
$as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
	-o "-k $dir -c listen_addresses= -c fsync=off -c max_connections=500" start >/dev/null || { cat "$dir/log" >&2; exit 1; }
cd "$OLDPWD"
SAMTALE_TEST_POSTGRES="postgres://postgres@/postgres?host=$dir" "$@"
