#!/bin/sh
# restore.sh DATABASE_URL_FILE DUMP: put a dump into an empty database. Run `python -m bot restored` then, before anything
# of Kinora starts: a dump knows nothing of what was paid for since.
set -eu
[ $# = 2 ] || { echo "usage: restore.sh DATABASE_URL_FILE DUMP" >&2; exit 2; }
. "$(dirname "$0")/address.sh"
address "$1"
tables="$(psql --dbname="$url" --no-psqlrc --tuples-only --no-align --command="SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')")"
[ "$tables" = 0 ] || { echo "There are $tables tables in that database; restore into a new, empty one." >&2; exit 1; }
pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$url" "$2"
echo "Restored. Now, before Kinora starts: python -m bot restored" >&2
