# shellcheck shell=bash
source scripts/processes.sh

readonly up_party="LAN party"

dev_up() {
  [[ $# -eq 0 ]] || bad_usage "up takes no arguments"
  need_packages build run
  build release lanrage lanrage-server
  mkdir -p .run
  chmod 700 .run # holds keys, the join word and an invite
  local socket
  socket=$(up_socket)

  up_start lanrage-server env --data-dir "$PWD/.run/server"
  wait_until 30 up_settled lanrage-server up_server_ready || true
  up_server_ready || up_failed lanrage-server
  up_start lanrage as_root daemon --state-dir "$PWD/.run/agent" --socket "$socket"
  wait_until 20 up_settled lanrage up_agent_answers "$socket" || true
  up_agent_answers "$socket" || up_failed lanrage

  local parties
  parties=$(up_cli "$socket" status --json |
    python3 -c 'import json, sys; print(len(json.load(sys.stdin)["parties"]))')
  if [[ $parties -eq 0 ]]; then
    up_create_party "$socket"
  elif [[ ! -s .run/invite ]]; then
    up_cli "$socket" invite --json | up_field invite >.run/invite.new
    mv .run/invite.new .run/invite
  fi
  up_print_next_steps "$socket"
}

# A Unix socket's path has room for 107 characters; a deep checkout has more.
up_socket() {
  local path="$PWD/.run/agent.sock"
  if [[ ${#path} -gt 100 ]]; then
    path="/run/lanrage-$(cksum <<<"$PWD" | cut -d ' ' -f 1)/agent.sock"
  fi
  echo "$path"
}

up_start() {
  local name=$1 pid
  if pid=$(running_pid "$name"); then
    if runs_current_build "$pid"; then
      say "$name is running (pid $pid)"
      return
    fi
    say "$name was rebuilt: restarting it"
    stop_process "$name"
  fi
  start_process "$@"
  say "started $name (pid $(cat ".run/$name.pid"), log .run/$name.log)"
}

# up_settled NAME TEST...: the test passes, or the program has ended and waiting is in vain.
up_settled() {
  local name=$1
  shift
  "$@" || ! running_pid "$name" >/dev/null
}

up_server_ready() { grep -q '^ready ' .run/lanrage-server.log; }

up_agent_answers() { up_cli "$1" status --json >/dev/null 2>&1; }

up_cli() {
  local socket=$1
  shift
  as_root build/release/bin/lanrage --socket "$socket" "$@"
}

up_field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# up_ready_field NAME: url, pin or word from the server's `ready url=... pin=...` line.
up_ready_field() { sed -n "s/^ready \(.* \)\?$1=\([^ ]*\).*/\2/p" .run/lanrage-server.log | tail -n 1; }

up_create_party() {
  local socket=$1 url pin word
  url=$(up_ready_field url)
  pin=$(up_ready_field pin)
  word=$(up_ready_field word)
  say "creating the party '$up_party' on $url"
  (
    umask 077
    up_cli "$socket" create "$up_party" --server "$url" ${pin:+--pin "$pin"} \
      ${word:+--word "$word"} --json | up_field invite >.run/invite.new
  )
  mv .run/invite.new .run/invite
}

up_failed() {
  tail -n 20 ".run/$1.log" >&2
  die "$1 didn't come up; all of its output is in .run/$1.log"
}

up_print_next_steps() {
  local socket=$1 sudo=""
  [[ $EUID -eq 0 ]] || sudo="sudo "
  local cli="${sudo}build/release/bin/lanrage --socket $socket"
  cat <<TEXT

The server is at $(up_ready_field url), your party '$up_party' is open.

Invite (whoever has it can join):
  $(cat .run/invite)

A friend, on a machine with lanrage installed:
  sudo lanrage daemon &
  sudo lanrage join '$(cat .run/invite)' --nick NAME

You, here:
  $cli status
  ./dev down

Friends from outside reach this machine when TCP 8667, UDP 51820, 3478 and 3479 are open, and
forwarded by your router if it has one.
TEXT
}
