#!/usr/bin/env bash
# Installs what the tests need and runs all of them, doc tests included: on redis-server, and what depends on the server
# on Valkey too.
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

# Runs tests with the server $1 in the place of redis-server; the other arguments are cargo's. All packages are named as
# above, so that nothing is built again.
test_on() {
    REDLOCK_SERVER=$1 cargo test --workspace --all-features --locked "${@:2}"
}

test_on_valkey() {
    test_on "$1" --test harness --test differential
    test_on "$1" --test conformance -- native
    test_on "$1" --test blocking -- lost_nodes
}

if ! command -v redis-server >/dev/null; then
    echo "==> Installing redis-server"
    install_redis
fi

# Beforehand, because the test of the benchmark measures with it.
valkey=$(tests/valkey.sh)

echo "==> Running the tests with $(redis-server --version | cut -d' ' -f1-3)"
env -u REDLOCK_SERVER cargo test --workspace --all-features --locked

if [[ -n $valkey ]]; then
    echo "==> Running what depends on the server with $("$valkey" --version | cut -d' ' -f1-3)"
    test_on_valkey "$valkey"
else
    echo "SKIPPED: the tests on Valkey, for the reason above"
fi
echo "==> All tests passed"
