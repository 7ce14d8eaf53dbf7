#!/bin/bash
# redis-cli (7 or newer, built with TLS). Each story runs in a shell of its own, which ends at the first step that fails.
set -uo pipefail
exec 3>&1 4<&0 </dev/null # what is told and asked goes past the commands
export REDISCLI_AUTH=$STORY_PASSWORD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

at() { # HOST PORT ARGUMENTS...
  local host=$1 port=$2
  shift 2
  redis-cli --tls --cacert "$STORY_CA" --user "$STORY_USER" --no-auth-warning -h "$host" -p "$port" "$@"
}
cli() { at "$STORY_HOST" "$STORY_PORT" -c "$@"; }
session() { cli | grep -v '^-> Redirected'; } # command lines from standard input, one client for them all

key() { echo "story:$STORY_NAME:$1"; }
tagged() { echo "story:{$STORY_NAME}:$1"; }

node_of() { # KEY: the host and port of its primary; a node that has not got it says MOVED
  local said
  said=$(at "$STORY_HOST" "$STORY_PORT" GET "$1")
  if [[ $said == MOVED* ]]; then said=${said##* }; else said=$STORY_HOST:$STORY_PORT; fi
  echo "${said%%:*} ${said##*:}"
}

ask() {
  echo "ask $*" >&3
  read -r answer <&4
  echo "$answer"
}

is() { # WHAT EXPECTED...
  local got=$1
  shift
  [[ $got == "$*" ]] || { echo "got '$got', not '$*'"; exit 1; }
}

eventually() { # COMMAND...: until it succeeds
  for _ in {1..400}; do
    "$@" && return
    read -r -t 0.025 <> <(:) || true
  done
  echo "never: $*"
  exit 1
}

connect() {
  is "$(cli ACL WHOAMI)" "$STORY_USER"
  for n in {1..20}; do is "$(cli SET "$(key "connect:$n")" "$n")" OK; done
  for n in {1..20}; do is "$(cli GET "$(key "connect:$n")")" "$n"; done
  [[ $(cli SET elsewhere x) == NOPERM* ]] || exit 1
  # One of the two replicas has the key and may be asked for it.
  is "$(for replica in $(cli CLUSTER NODES | grep slave | cut -d ' ' -f 2 | cut -d @ -f 1); do
    printf 'READONLY\nGET %s\n' "$(key connect:7)" | at "${replica%:*}" "${replica#*:}"
  done | grep . | sed 's/MOVED.*/MOVED/' | sort | tr '\n' ' ')" "7 MOVED OK OK "
}

moved() {
  for shards in 3 2; do
    for n in {1..12}; do echo "SET $(key "moved:$n") $shards"; done | cli >/dev/null
    ask reshard $shards
    is "$(for n in {1..12}; do echo "GET $(key "moved:$n")"; done | session | sort | uniq -c | tr -s ' ')" " 12 $shards"
  done
  [[ $(ask moved) -gt 0 ]]
}

pipeline() {
  local counter
  counter=$(tagged pipe)
  # shellcheck disable=SC2046
  for _ in {1..100}; do printf '*2\r\n$4\r\nINCR\r\n$%d\r\n%s\r\n' ${#counter} "$counter"; done |
    at $(node_of "$counter") --pipe | grep -q 'errors: 0, replies: 100'
  is "$(cli GET "$counter")" 100
}

multi() {
  local number
  number=$(tagged multi)
  is "$(printf '%s\n' "SET $number 1" MULTI "INCRBY $number 41" "GET $number" EXEC | session | tr '\n' ' ')" \
    "OK OK QUEUED QUEUED 42 42 "
  is "$(printf '%s\n' "GET $number" MULTI "GET $number extra" EXEC | cli | grep -c EXECABORT)" 1
}

listen() { # FILE COMMAND...: a subscriber, once its subscription is confirmed
  local file=$1
  shift
  "$@" >"$file" &
  eventually grep -q subscribe "$file"
}

pubsub() {
  listen "$work/news" cli SUBSCRIBE "$(key news)"
  cli PUBLISH "$(key news)" hello
  eventually grep -q hello "$work/news"
  is "$(tail -n 3 "$work/news" | tr '\n' ' ')" "message $(key news) hello "
}

sharded_pubsub() {
  local channel line=""
  channel=$(key shard)
  # shellcheck disable=SC2046
  coproc LISTENER { at $(node_of "$channel"); }
  echo "SSUBSCRIBE $channel" >&"${LISTENER[1]}"
  while [[ $line != 1 ]]; do read -r -t 10 -u "${LISTENER[0]}" line; done
  cli SPUBLISH "$channel" hello # the answer counts clients of the node that it reached, which may be a replica
  echo PING >&"${LISTENER[1]}" # redis-cli 7.0 looks for what came when it waits for an answer
  for expected in smessage "$channel" hello; do
    read -r -t 10 -u "${LISTENER[0]}" line
    is "$line" "$expected"
  done
}

scripts() {
  local source="return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}" counter sha name=story_${STORY_NAME//-/_}
  counter=$(tagged lua)
  is "$(cli EVAL "$source" 1 "$counter" 5 | tr '\n' ' ')" "$counter 5 "
  # shellcheck disable=SC2046
  set -- $(node_of "$counter")
  sha=$(at "$@" SCRIPT LOAD "$source")
  is "$(at "$@" EVALSHA "$sha" 1 "$counter" 5 | tr '\n' ' ')" "$counter 10 "
  [[ $(at "$@" EVALSHA "${sha//[0-9]/f}" 1 "$counter" 5) == NOSCRIPT* ]]
  printf '#!lua name=%s\nredis.register_function("%s", function(k, a) return redis.call("INCRBY", k[1], a[1]) end)' \
    "$name" "$name" | is "$(at "$@" -x FUNCTION LOAD)" "$name"
  is "$(cli FCALL "$name" 1 "$counter" 32)" 42
}

streams() {
  local stream first second
  stream=$(tagged stream)
  is "$(cli XGROUP CREATE "$stream" workers 0 MKSTREAM)" OK
  first=$(cli XADD "$stream" '*' job 1)
  second=$(cli XADD "$stream" '*' job 2)
  is "$(cli XREADGROUP GROUP workers one COUNT 1 STREAMS "$stream" '>' | tr '\n' ' ')" "$stream $first job 1 "
  is "$(cli XACK "$stream" workers "$first")" 1
  is "$(cli XREADGROUP GROUP workers one STREAMS "$stream" '>' | tr '\n' ' ')" "$stream $second job 2 "
  is "$(cli XAUTOCLAIM "$stream" workers two 0 0 JUSTID | tr '\n' ' ')" "0-0 $second  "
  cli XREADGROUP GROUP workers two BLOCK 10000 STREAMS "$stream" '>' >"$work/stream" &
  local reader=$!
  cli XADD "$stream" '*' job last >/dev/null
  wait "$reader"
  grep -q last "$work/stream"
}

tracking() {
  local tracked
  tracked=$(key tracked)
  cli SET "$tracked" old >/dev/null
  # shellcheck disable=SC2046
  coproc READER { at $(node_of "$tracked") -3 --show-pushes yes; }
  printf '%s\n' "CLIENT TRACKING ON" "GET $tracked" >&"${READER[1]}"
  local said=""
  while [[ $said != old ]]; do read -r -t 10 -u "${READER[0]}" said; done
  cli SET "$tracked" new >/dev/null
  echo "GET $tracked" >&"${READER[1]}"
  said=""
  while read -r -t 10 -u "${READER[0]}" line && [[ $line != new ]]; do said+=" $line"; done
  [[ $line == new && $said == *invalidate*"$tracked"* ]] || { echo "told: $said, then $line"; exit 1; }
}

reconnect() {
  coproc STAYS { set +x; cli 2>&1; }
  local told event n
  for event in failover restart; do
    for n in {1..6}; do cli SET "$(key "again:$n")" "$event" >/dev/null; done
    echo "GET $(key "again:1")" >&"${STAYS[1]}"
    hear "$event"
    ask $event
    for n in {1..6}; do is "$(cli GET "$(key "again:$n")")" "$event"; done
    echo "SET $(key "again:1") $event" >&"${STAYS[1]}" # of the client that was connected before
    if [[ $event == failover ]]; then hear OK; else hear "Error: Server closed the connection"; fi
  done
}

hear() { # WHAT: the next line of the client that stays, redirections apart
  local line="-> "
  while [[ $line == "-> "* ]]; do read -r -t 10 -u "${STAYS[0]}" line; done
  is "$line" "$1"
}

quoted() { # a file as a JSON string
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/[[:cntrl:]]/ /g' "$1" | awk 'BEGIN { printf "\"" } { printf "%s\\n", $0 } END { print "\"" }'
}

for story in "${@:-connect moved pipeline multi pubsub sharded_pubsub scripts streams tracking reconnect}"; do
  for each in $story; do
    # Each job is a group of processes, all of which end with the story.
    (set -emx; trap 'jobs -p | while read -r job; do kill -- "-$job"; done' EXIT; $each) >"$work/said" 2>&1
    if [[ $? == 0 ]]; then echo "story $each ok \"\""; else echo "story $each failed $(quoted "$work/said")"; fi
  done
done
