#!/bin/sh
# Resolve every requirements/*.in into its *.txt, for all platforms and Python 3.11 and newer.
set -eu

cd "$(dirname "$0")/../requirements"
uv=../.cache/uv/bin/uv
for name in base agent embedded graph documents bridges dev production local storage \
    mini-swe-agent; do
    "$uv" pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header \
        "$name.in" -o "$name.txt"
done
