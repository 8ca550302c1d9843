#!/bin/sh
# backup.sh DATABASE_URL_FILE FOLDER: a dump of Kinora's database, of one moment, while everything runs. Clips and pictures
# lie in the bucket, which is copied with its own means, after this.
set -eu
umask 077
[ $# = 2 ] || { echo "usage: backup.sh DATABASE_URL_FILE FOLDER" >&2; exit 2; }
. "$(dirname "$0")/address.sh"
address "$1"
target="$2/kinora-$(date -u +%Y-%m-%dT%H%M%SZ).dump"
trap 'rm -f "$target.part"' EXIT
trap 'exit 1' HUP INT TERM  # else dash would leave by them without the line above
PGAPPNAME=kinora-backup pg_dump --format=custom --no-owner --no-privileges --file="$target.part" --dbname="$url"
pg_restore --list "$target.part" > /dev/null  # it can be read to its end
mv -n "$target.part" "$target"
echo "$target"
