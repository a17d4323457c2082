#!/bin/sh
# Makes the secrets that compose.yaml mounts, once, readable by you alone.
set -eu
cd "$(dirname "$0")/../.."
umask 077
mkdir -p secrets
[ -e secrets/master_key ] || openssl rand -hex 32 > secrets/master_key
[ -e secrets/webhook_secret ] || openssl rand -hex 32 > secrets/webhook_secret
[ -e secrets/postgres ] || openssl rand -hex 24 > secrets/postgres
for role in consent journal assistant meeting temporal; do
	[ -e "secrets/${role}_password" ] || openssl rand -hex 24 > "secrets/${role}_password"
done
# PostgreSQL makes the roles from their passwords (deploy/images/databases.sh); a service gets only where its own database is.
for db in consent journal assistant meeting; do
	printf 'postgres://%s:%s@postgres/%s?sslmode=disable\n' "$db" "$(cat "secrets/${db}_password")" "$db" > "secrets/${db}_db"
done
# Containers run as another user; the folder itself stays closed to others.
chmod 644 secrets/*
