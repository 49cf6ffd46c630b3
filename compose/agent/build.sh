#!/bin/sh
# Build the agent image. Quick when nothing has changed.
#
#   compose/agent/build.sh [slim|full] [TAG]      default slim, djinnbot-agent:slim (or :full)
#
#   BASE=image      build on this image instead of debian:bookworm-slim
#   HARNESS=names   put programs of other agents in: "opencode mini-swe-agent", or one of them;
#                   the default tag is then djinnbot-agent:slim-harness (or :full-harness)
#   DEBIAN_MIRROR=  package mirror for a base made here (default: the one this host uses)
#   PIP_INDEX_URL=  Python package index (default: pip's own)
#
# Where no image registry can be reached, the base is made with debootstrap (needs root).
# `full` needs about 3 GB and the better part of ten minutes, and makes `slim` first.
set -eu

variant=slim
case ${1:-} in slim | full) variant=$1; shift ;; esac
harness=${HARNESS:-}
tag=${1:-djinnbot-agent:$variant${harness:+-harness}}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
suite=bookworm
local_base=djinnbot-base:$suite
toolbox=djinnbot-toolbox:slim
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

say() { printf '%s\n' "agent image: $*"; }
die() { printf '%s\n' "agent image: $*" >&2; exit 1; }

command -v docker >/dev/null || die "Docker is not installed. Install it, or set DJINNBOT_RUNNER=bubblewrap."
docker version >/dev/null 2>&1 || die "no Docker daemon answers. Start one, or set DJINNBOT_RUNNER=bubblewrap."

slim_inputs() {
    cd "$root"
    printf '%s\n' "${BASE:-}" labelled
    cat compose/agent/Dockerfile requirements/agent.txt
    find workers/protocol workers/runtime workers/__init__.py -name '*.py' -type f | LC_ALL=C sort |
        while read -r file; do printf '%s\n' "$file"; cat "$file"; done
}

inputs_hash() {
    {
        slim_inputs
        if [ "$variant" = full ]; then cat "$here/Dockerfile.full" "$here"/full/*; fi
        if [ -n "$harness" ]; then
            printf '%s\n' "$harness"
            cat "$here/Dockerfile.harness" "$root/scripts/install_harness.sh" "$root/requirements/mini-swe-agent.txt"
        fi
    } | sha256sum | cut -d' ' -f1
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

mirror() {
    if [ -n "${DEBIAN_MIRROR:-}" ]; then
        printf '%s\n' "$DEBIAN_MIRROR"
    else
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1
    fi
}

make_local_base() {
    command -v debootstrap >/dev/null || die "no registry can be reached, and debootstrap is not installed."
    [ "$(id -u)" = 0 ] || die "no registry can be reached; making a base image needs root."
    source=$(mirror)
    [ -n "$source" ] || die "no package mirror is known; set DEBIAN_MIRROR."
    say "making a base image from packages (a few minutes, once)"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$work/root" "$source" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "debootstrap failed"; }
    # An archive snapshot is older than its own expiry date.
    apt-config dump Acquire::Check-Valid-Until >"$work/root/etc/apt/apt.conf.d/90snapshot" 2>/dev/null || true
    rm -rf "$work/root/var/cache/apt/archives" "$work/root/var/lib/apt/lists"
    mkdir -p "$work/root/var/cache/apt/archives/partial" "$work/root/var/lib/apt/lists/partial"
    tar -C "$work/root" -c . | docker import - "$local_base" >/dev/null
    rm -rf "$work"
    trap - EXIT
}

choose_base() {
    base=${BASE:-}
    [ -z "$base" ] || return 0
    base=debian:$suite-slim
    if ! image_exists "$base" && ! timeout 60 docker pull -q "$base" >/dev/null 2>&1; then
        image_exists "$local_base" || make_local_base
        base=$local_base
    fi
}

build() { # build TAG ARGUMENTS…: each step is said; of a failure, its last lines are shown
    name=$1
    shift
    {
        DOCKER_BUILDKIT=0 docker build --network host --force-rm \
            --build-arg PIP_INDEX_URL="${PIP_INDEX_URL:-}" --tag "$name" "$@" "$context" 2>&1 ||
            printf 'build failed\n'
    } | tee "$log" | sed -n 's/^Step \([0-9/]*\) : \([A-Z]* [^ ]*\).*/agent image:   \1 \2/p'
    if [ "$(tail -n 1 "$log")" = "build failed" ]; then
        tail -n 25 "$log" >&2
        die "$name could not be built; the lines above say why."
    fi
}

fill_context() {
    mkdir -p "$context/requirements" "$context/workers"
    cp "$here"/Dockerfile "$here"/Dockerfile.full "$here"/full/* "$context/"
    cp "$root/requirements/agent.txt" "$context/requirements/"
    cp "$root/workers/__init__.py" "$context/workers/"
    cp -R "$root/workers/protocol" "$root/workers/runtime" "$context/workers/"
    find "$context" -name __pycache__ -type d -prune -exec rm -rf {} +
    if [ -f "$bundle" ]; then cp "$bundle" "$context/ca-certificates.crt"; else : >"$context/ca-certificates.crt"; fi
    # Equal times let the builder reuse its layers.
    find "$context" -exec touch -d @0 {} +
}

hash=$(inputs_hash)
if image_exists "$tag" &&
    [ "$(docker image inspect --format '{{index .Config.Labels "djinnbot.inputs"}}' "$tag")" = "$hash" ]; then
    say "$tag is up to date"
    exit 0
fi

if [ -n "$harness" ]; then
    plain=djinnbot-agent:$variant
    HARNESS= "$here/build.sh" "$variant" "$plain"
    context=$(mktemp -d)
    log=$(mktemp)
    trap 'rm -rf "$context" "$log"' EXIT
    mkdir "$context/scripts" "$context/requirements"
    cp "$here/Dockerfile.harness" "$context/Dockerfile"
    cp "$root/scripts/install_harness.sh" "$context/scripts/"
    cp "$root/requirements/mini-swe-agent.txt" "$context/requirements/"
    find "$context" -exec touch -d @0 {} +
    say "building $tag on $plain, with $harness"
    build "$tag" --build-arg IMAGE="$plain" --build-arg HARNESS="$harness" \
        --label djinnbot.inputs="$hash" --label djinnbot.harness="$harness"
    say "built $tag"
    exit 0
fi

slim=$tag
if [ "$variant" = full ]; then
    slim=djinnbot-agent:slim
    "$here/build.sh" slim "$slim"
fi
choose_base
context=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$context" "$log"' EXIT
fill_context
runtime=$(python3 "$root/workers/protocol/fingerprint.py")

say "building $tag on $base"
if [ "$variant" = full ]; then
    build "$toolbox" --build-arg BASE="$base" --target toolbox
    build "$tag" --file "$context/Dockerfile.full" --build-arg SLIM="$slim" --build-arg TOOLBOX="$toolbox" \
        --label djinnbot.inputs="$hash" --label djinnbot.runtime="$runtime"
else
    build "$tag" --build-arg BASE="$base" \
        --label djinnbot.inputs="$hash" --label djinnbot.runtime="$runtime"
fi
say "built $tag"
