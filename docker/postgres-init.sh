#!/bin/sh
# Runs once, when the database volume is empty: one role and one database for the service, the same for the sample product,
# and a role for Temporal, which makes its own two databases. No role sees another's data.
set -eu

psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set service_password="$SERVICE_DB_PASSWORD" \
  --set product_password="$PRODUCT_DB_PASSWORD" \
  --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role appconnect login password :'service_password';
create role sample_product login password :'product_password';
create role temporal login createdb password :'temporal_password';
create database appconnect owner appconnect;
create database sample_product owner sample_product;
revoke all on database appconnect from public;
revoke all on database sample_product from public;
SQL
