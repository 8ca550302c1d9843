#!/bin/sh
# Read by backup.sh and restore.sh. `address FILE` makes of DATABASE_URL's file $url, without its password, and PGPASSWORD:
# what a program is called with is seen by every user of the machine, its environment by this one and root.
address() {
    url="$(sed -E 's#^([a-z]+://[^:/@]*):[^/@]*@#\1@#; s#([?&])password=[^&]*&?#\1#; s#[?&]$##' "$1")"
    password="$(sed -nE 's#^.*[?&]password=([^&]*).*#\1#p; t; s#^[a-z]+://[^:/@]*:([^/@]*)@.*#\1#p' "$1" | LC_ALL=C awk '
        function digit(at) { return index("0123456789abcdef", tolower(substr($0, at, 1))) - 1 }
        {
            while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
                printf "%s%c", substr($0, 1, RSTART - 1), 16 * digit(RSTART + 1) + digit(RSTART + 2)
                $0 = substr($0, RSTART + 3)
            }
            print
        }')"
    [ -z "$password" ] || { PGPASSWORD="$password"; export PGPASSWORD; }
}
