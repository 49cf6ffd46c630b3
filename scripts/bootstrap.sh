#!/bin/sh
# Make the Python environment in .venv. Quick when nothing has changed.
#
#   scripts/bootstrap.sh run      what the platform needs
#   scripts/bootstrap.sh dev      the same, and what tests and linters need
#
#   PYTHON=python3.12             use this interpreter (3.11 or newer)
set -eu

kind=${1:-run}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }
die() { say "Cannot set up: $*"; exit 1; }

case $kind in run | dev) ;; *) die "unknown kind $kind (run or dev)." ;; esac

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    die "Python 3.11 or newer is missing. Install it (Debian: apt install python3 python3-venv), or name one: PYTHON=/path/to/python3.12 make ..."
}

check_tools() {
    [ "$(uname -s 2>/dev/null || echo Linux)" = Linux ] ||
        die "the boxes in which agents work need Linux. On a Mac, use a Linux virtual machine (Lima, OrbStack, Multipass) and run the same command in it."
    command -v git >/dev/null || die "git is missing. Install it (Debian: apt install git)."
}

stamp_value() {
    cat requirements/local.txt requirements/base.in requirements/agent.in requirements/embedded.in \
        requirements/dev.in setup.cfg pyproject.toml scripts/bootstrap.sh | cksum
}

is_current() {
    [ -x .venv/bin/python ] || return 1
    for have in dev "$kind"; do
        [ "$(cat ".venv/.stamp-$have" 2>/dev/null)" = "$(stamp_value)" ] && return 0
    done
    return 1
}

# uv has an environment of its own: it must not depend on what it installs.
install_uv() {
    [ -x .cache/uv/bin/uv ] && return
    python=$(find_python)
    say "Installing uv ..."
    rm -rf .cache/uv
    "$python" -m venv .cache/uv 2>/dev/null ||
        die "$python cannot make environments. Install its venv module (Debian: apt install python3-venv)."
    .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check \
        -c requirements/local.txt uv || die "uv could not be installed. Is a Python package index reachable?"
}

install_packages() {
    uv=.cache/uv/bin/uv
    if ! new_enough .venv/bin/python; then
        "$uv" venv --quiet --clear --python "$(find_python)" .venv
    fi
    if [ "$kind" = dev ]; then
        set -- -r requirements/local.txt
    else
        set -- -r requirements/base.in -r requirements/agent.in -r requirements/embedded.in
    fi
    say "Installing packages ($kind) ..."
    "$uv" pip install --quiet --python .venv/bin/python -c requirements/local.txt "$@" &&
        "$uv" pip install --quiet --python .venv/bin/python --no-deps -e . ||
        die "packages could not be installed. Is a Python package index reachable?"
}

check_tools
if ! is_current; then
    find_python >/dev/null
    install_uv
    install_packages
    stamp_value >".venv/.stamp-$kind"
fi
