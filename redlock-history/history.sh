#!/usr/bin/env bash
# Makes history.svg again: three processes contend for a lock on three servers of their own; the first one is killed while
# it holds the lock, one server is killed and started again, and then two servers stand still until the lock is lost.
# It takes about 15 seconds, and needs redis-server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cargo build --quiet --package redlock-cli
redlock=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/redlock
work=$(mktemp -d)
declare -A servers
clean_up() {
    kill -KILL "${servers[@]}" 2>/dev/null || true
    rm -r "$work"
}
trap clean_up EXIT

start_server() {
    redis-server --port "$1" --save '' --dir "$work" >/dev/null &
    servers[$1]=$!
}

# Runs a command of 60 seconds under the lock, and records it under the name $1.
run() {
    "$redlock" run nightly --ttl 2s --fenced --record "$work/$1" "${@:2}" -- sleep 60 2>/dev/null &
}

for port in 7101 7102 7103; do start_server $port; done
export REDLOCK_NODES="redis://127.0.0.1:7101 redis://127.0.0.1:7102 redis://127.0.0.1:7103"
sleep 1

run web-1; first=$!
sleep 1
run web-2; second=$!
sleep 0.5
run web-3 --wait 500ms || true
sleep 1
kill -KILL "$first"
sleep 3.5
kill -KILL "${servers[7102]}"
sleep 0.5
start_server 7102
sleep 1
run web-3; third=$!
sleep 0.7
kill -STOP "${servers[7101]}" "${servers[7103]}"
wait "$second" || true
sleep 0.5
kill -CONT "${servers[7101]}" "${servers[7103]}"
sleep 5
kill -TERM "$third"
wait "$third" || true

# The names of the processes, and one lane for those of one machine.
for name in web-1 web-2 web-3; do sed -i "s/\"by\":\"[^\"]*\"/\"by\":\"$name\"/" "$work/$name"; done
"$redlock" picture "$work"/web-* --output history.svg
echo "history.svg is made"
