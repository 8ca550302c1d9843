#!/bin/sh
# Make what compose.cluster.yaml hands out as secrets: one a file, in deploy/secrets. What is there already stays.
# Further secrets, such as kling_api_key, are files of the same kind: README.md, Secrets.
set -eu
umask 022
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets  # the folder keeps others out; containers are given single files, and read them as other users

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; }

if [ ! -s secrets/discord_token ]; then
    printf 'The bot'"'"'s token (Discord developer portal, Bot, Reset Token): ' >&2
    if [ -t 0 ]; then  # nobody reads it off the screen
        trap 'stty echo' EXIT
        trap 'exit 1' HUP INT TERM
        stty -echo
    fi
    IFS= read -r token
    [ ! -t 0 ] || { stty echo; echo >&2; }
    [ -n "$token" ] || { echo 'Nothing was entered; no secrets were made.' >&2; exit 1; }
    keep discord_token "$token"
fi
keep postgres_password "$(random)"
keep database_url "postgresql://kinora:$(cat secrets/postgres_password)@postgres:5432/kinora"
keep aws_access_key_id "$(random)"
keep aws_secret_access_key "$(random)"
keep metrics_token "$(random)"
keep grafana_password "$(random)"
keep s3_identities "$(cat << IDENTITIES
{"identities": [{"name": "kinora", "actions": ["Read:kinora", "Write:kinora", "List:kinora", "Tagging:kinora"],
  "credentials": [{"accessKey": "$(cat secrets/aws_access_key_id)", "secretKey": "$(cat secrets/aws_secret_access_key)"}]}]}
IDENTITIES
)"
echo "The secrets are in $(pwd)/secrets; whoever reads that folder has everything." >&2
