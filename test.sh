#!/usr/bin/env bash
# Installs what the tests need and runs all of them, doc tests included: on redis-server, and what depends on the server
# on Valkey and on an old Redis too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "test.sh: installing $missing takes root or sudo; please install it and run this again" >&2
        exit 1
    fi
}

# The packages of what is not there. PostgreSQL's programs are not in PATH on Debian; the cluster that its package makes is
# left alone, for the tests have servers of their own.
missing_packages() {
    command -v redis-server >/dev/null || echo redis-server
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
}

install() {
    if ! command -v apt-get >/dev/null; then
        echo "test.sh: there is no apt-get here; please install $missing (Redis 7.0 or newer) and run this again" >&2
        exit 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Runs tests with the server $1 in the place of redis-server; the other arguments are cargo's. All packages are named as
# above, so that nothing is built again.
test_on() {
    REDLOCK_SERVER=$1 cargo test --workspace --all-features --locked "${@:2}"
}

# A server before version 7 has other words for what fails inside a script.
test_on_old_redis() {
    test_on "$1" --test harness --test differential --test fenced_store
    test_on "$1" --test conformance -- native
    test_on "$1" --test conformance -- server_errors
}

test_on_valkey() {
    test_on "$1" --test harness --test differential --test fenced_store
    test_on "$1" --test conformance -- native
    test_on "$1" --test blocking -- lost_nodes
    test_on "$1" --test failover -- takes_over
}

# Runs the tests $2 with the server that `tests/server.sh $1` fetches.
repeat_on() {
    local server
    server=$(tests/server.sh "$1")
    if [[ -n $server ]]; then
        echo "==> Running what depends on the server with $("$server" --version | cut -d' ' -f1-3)"
        "$2" "$server"
    else
        echo "SKIPPED: the tests on $1, for the reason above"
    fi
}

mapfile -t packages < <(missing_packages)
missing=${packages[*]}
if [[ -n $missing ]]; then
    echo "==> Installing $missing"
    install "${packages[@]}"
fi

# Beforehand, because the test of the benchmark measures with it.
tests/server.sh valkey >/dev/null

echo "==> Running the tests with $(redis-server --version | cut -d' ' -f1-3)"
env -u REDLOCK_SERVER cargo test --workspace --all-features --locked

repeat_on valkey test_on_valkey
repeat_on redis-6.2 test_on_old_redis
echo "==> All tests passed"
