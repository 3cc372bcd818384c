#!/bin/sh
# Writes the hashed locks anew from the .in files; extra arguments go to uv (for example --upgrade).
set -eu
cd "$(dirname "$0")"
UV=$(command -v uv || echo ../.venv/bin/uv)
for set in runtime dev postgres audit; do
    echo "Locking requirements/$set.txt"
    "$UV" pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
        --custom-compile-command "make lock" "$@" "$set.in" --output-file "$set.txt"
done
