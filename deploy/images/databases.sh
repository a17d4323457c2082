#!/bin/sh
# One role and one database per service, and none of them has a way into another's. Run by PostgreSQL's image over an empty volume; can be
# run again, also over databases that one role owned alone.
set -e

sql() { psql -v ON_ERROR_STOP=1 -qAt -U "${POSTGRES_USER:-postgres}" -d postgres "$@"; }

role() {
	password=$(cat "/run/secrets/$1_password") # fails here if it is not there
	PASSWORD=$password sql -v name="$1" <<-'SQL'
		\getenv password PASSWORD
		SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
		ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
	SQL
}

# database NAME OWNER: nobody else may even connect.
database() {
	sql -v name="$1" -v owner="$2" <<-'SQL'
		SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
		ALTER DATABASE :"name" OWNER TO :"owner";
		REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
		\connect :"name"
		SELECT format('ALTER TABLE %I.%I OWNER TO %I', schemaname, tablename, :'owner')
		FROM pg_tables WHERE schemaname = 'public' AND tableowner <> :'owner' \gexec
		SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, :'owner') FROM pg_proc p
		WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') \gexec
	SQL
}

for service in consent journal assistant meeting temporal; do
	role "$service"
	database "$service" "$service"
done
database temporal_visibility temporal
sql -c 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'
