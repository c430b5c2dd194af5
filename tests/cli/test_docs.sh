#!/bin/sh
# docs/options.md and the manual page follow the option table.
#   test_docs.sh MOVIEDIGEST OPTIONS_MD
set -eu
"$1" help options | diff -u "$2" - || {
    echo "docs/options.md is out of date: moviedigest help options >docs/options.md"
    exit 1
}
# Every option of --help is in the manual page.
man=$("$1" help man | sed 's/\\-/-/g')
for option in $("$1" run --help | grep -oE -e '--(\[no-\])?[a-z-]+' | sort -u); do
    printf '%s\n' "$man" | grep -qF -e "$option" || { echo "the manual page lacks $option"; exit 1; }
done
