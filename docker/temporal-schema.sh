#!/bin/sh
# Makes Temporal's two databases and brings their tables up to date. Runs before every start; done work is left as it is.
# Reads SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD from the environment, as temporal-sql-tool does.
set -eu

versions=/etc/temporal/schema/postgresql/v12

prepare() {
  database=$1
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema -v 0.0
  temporal-sql-tool --db "$database" update-schema -d "$versions/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
