#!/bin/sh
# A backup of compose.cluster.yaml, into deploy/backups: the database, of one moment, and then the bucket. That stands still
# while it is copied: what needs it waits, and goes on.
set -eu
umask 077
cd "$(dirname "$0")"
compose() { docker compose -f compose.cluster.yaml "$@"; }
target="backups/kinora-$(date -u +%Y-%m-%dT%H%M%SZ)"
mkdir -p backups
trap 'trap "" HUP INT TERM; rm -f "$target".*.part; compose start bucket' EXIT
trap 'exit 1' HUP INT TERM  # else dash would leave by them without the line above
compose exec -T postgres pg_dump --username=kinora --format=custom kinora > "$target.dump.part"
compose exec -T postgres pg_restore --list < "$target.dump.part" > /dev/null  # it can be read to its end
compose stop bucket
compose run --rm --no-deps -T --entrypoint tar bucket -cf - -C /data . > "$target.bucket.tar.part"
mv -n "$target.bucket.tar.part" "$target.bucket.tar"
mv -n "$target.dump.part" "$target.dump"
find backups -name 'kinora-*' -mtime +6 -delete  # only once there is a new one do old ones go
echo "$(pwd)/$target.dump"
