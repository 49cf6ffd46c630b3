#!/bin/sh
# Make the dashboard's files in frontend/dist. Quick when nothing has changed.
#
#   scripts/dashboard.sh run     what a browser needs; without Node it says so and goes on
#   scripts/dashboard.sh dev     the same, with what tests and linters need; Node must be there
set -eu

kind=${1:-run}
cd "$(dirname "$0")/../frontend"

say() { printf '%s\n' "$*" >&2; }

case $kind in run | dev) ;; *) say "unknown kind $kind (run or dev)"; exit 2 ;; esac

packages_value() { cat package.json package-lock.json .npmrc | cksum; }

# Names and contents of all that goes into the build.
sources_value() {
    {
        find src public plugins -type f ! -name '*.gen.ts' ! -name '*.test.*' | LC_ALL=C sort |
            tr '\n' '\0' | xargs -0 cksum
        cksum index.html vite.config.ts tsr.config.json package-lock.json ../docs/openapi.json
    } | cksum
}

packages_current() {
    for have in dev "$kind"; do
        [ "$(cat "node_modules/.stamp-$have" 2>/dev/null)" = "$(packages_value)" ] && return 0
    done
    return 1
}

node_is_there() {
    command -v npm >/dev/null || return 1
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

without_node() {
    found=$(node --version 2>/dev/null || echo none)
    advice="Install Node 20.19 or newer with npm (found: $found) from https://nodejs.org or your distribution."
    if [ "$kind" = dev ]; then
        say "Cannot set up: $advice"
        exit 1
    fi
    if [ -f dist/app/index.html ]; then
        say "The dashboard was built from older sources, and stays so. $advice"
    else
        say "The dashboard is not built; the CLI and the API work without it. $advice"
    fi
    exit 0
}

install_packages() {
    say "Installing the dashboard's packages ($kind) ..."
    [ "$kind" = dev ] && omit= || omit=--omit=dev
    # shellcheck disable=SC2086  # nothing, or one word
    npm ci --loglevel=error --no-fund --no-audit $omit >&2 || {
        say "Cannot set up: the dashboard's packages could not be installed. Is an npm registry reachable?"
        exit 1
    }
    packages_value >"node_modules/.stamp-$kind"
}

sources=$(sources_value)
built() { [ "$(cat dist/.stamp 2>/dev/null)" = "$sources" ]; }

if built && { [ "$kind" = run ] || packages_current; }; then exit 0; fi
node_is_there || without_node
packages_current || install_packages
if ! built; then
    say "Building the dashboard ..."
    npm run --silent build >dist.log 2>&1 || { cat dist.log >&2; rm -f dist.log; exit 1; }
    rm -f dist.log
    printf '%s\n' "$sources" >dist/.stamp
fi
