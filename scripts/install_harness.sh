#!/bin/sh
# Install the program of another agent, so that a step can be run by it (`harness:` in a pipeline).
# Quick when it is there already.
#
#   scripts/install_harness.sh opencode | mini-swe-agent [DIRECTORY]
#
# DIRECTORY is where harnesses are kept: DJINNBOT_HARNESS_DIR, or else $DJINNBOT_HOME/harnesses.
# Boxes of every kind see it read-only; nothing is downloaded when a step runs.
set -eu

name=${1:-}
base=${2:-${DJINNBOT_HARNESS_DIR:-${DJINNBOT_HOME:-$HOME/.djinnbot}/harnesses}}
opencode_version=1.18.33
root=$(cd "$(dirname "$0")/.." && pwd)
mini_pins=$root/requirements/mini-swe-agent.txt
mini_version=$(sed -n 's/^mini-swe-agent==\([0-9.]*\).*/\1/p' "$mini_pins")

say() { printf '%s\n' "harness: $*" >&2; }
die() { say "$*"; exit 1; }

# A package of the npm registry, without its scripts: npm checks it and puts it into $new.
npm_package() {
    command -v npm >/dev/null || die "npm is missing. Install Node (Debian: apt install npm)."
    npm install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix "$new" "$1" >&2 ||
        die "npm could not install $1."
}

install_opencode() {
    case $(uname -m) in
    x86_64) package=opencode-linux-x64-baseline ;; # runs on processors without AVX2 too
    aarch64) package=opencode-linux-arm64 ;;
    *) die "opencode has no program for $(uname -m)." ;;
    esac
    npm_package "$package@$opencode_version"
    mkdir -p "$new/bin"
    mv "$new/node_modules/$package/bin/opencode" "$new/bin/opencode"
    rm -rf "$new/node_modules"
    "$new/bin/opencode" --version >/dev/null || die "opencode does not start here."
}

# For the interpreter of the boxes, which is of the same minor version as ours.
install_mini_swe_agent() {
    python=${PYTHON:-$root/.venv/bin/python}
    [ -x "$python" ] || die "there is no $python; set the platform up first (make setup)."
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$python" --target "$new/lib" --requirements "$mini_pins" >&2
    else
        "$python" -m pip install --quiet --target "$new/lib" --requirement "$mini_pins" >&2
    fi || die "mini-swe-agent could not be installed."
    # Boxes cannot write here, and compiling at each start would take longer than the work.
    "$python" -m compileall -q "$new/lib" >/dev/null || true
}

case $name in
opencode) version=$opencode_version stamp=$version ;;
mini-swe-agent) version=$mini_version stamp="$version $(cksum <"$mini_pins")" ;;
*) die "say which: opencode or mini-swe-agent." ;;
esac

place=$base/$name
if [ "$(cat "$place/VERSION" 2>/dev/null)" = "$stamp" ]; then
    say "$name $version is in $place"
    exit 0
fi
mkdir -p "$base"
new=$(mktemp -d "$base/.$name.XXXXXX")
trap 'rm -rf "$new"' EXIT
say "installing $name $version"
case $name in
opencode) install_opencode ;;
mini-swe-agent) install_mini_swe_agent ;;
esac
printf '%s\n' "$stamp" >"$new/VERSION"
chmod -R u+rwX,go+rX "$new"
rm -rf "$place"
mv "$new" "$place"
trap - EXIT
say "$name $version is in $place"
