#!/usr/bin/env bash
# Installs what the tests need and runs all of them, doc tests included.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "test.sh: installing redis-server takes root or sudo; please install it and run this again" >&2
        exit 1
    fi
}

install_redis() {
    if ! command -v apt-get >/dev/null; then
        echo "test.sh: there is no apt-get here; please install redis-server (7.0 or newer) and run this again" >&2
        exit 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server
}

if ! command -v redis-server >/dev/null; then
    echo "==> Installing redis-server"
    install_redis
fi

echo "==> Running the tests with $(redis-server --version | cut -d' ' -f1-3)"
cargo test --workspace --all-features --locked
echo "==> All tests passed"
