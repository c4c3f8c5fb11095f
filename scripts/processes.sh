# Background processes of ./dev up: .run/NAME.pid and .run/NAME.log, NAME as in build/release/bin.
# shellcheck shell=bash

# Prints the pid when the recorded process lives and is ours. A rebuilt program's old process has
# an exe link ending in " (deleted)".
running_pid() {
  local name=$1 pid exe
  pid=$(cat ".run/$name.pid" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  exe=$(as_root readlink "/proc/$pid/exe" 2>/dev/null) || return 1
  [[ ${exe% (deleted)} == "$PWD/build/release/bin/$name" ]] || return 1
  echo "$pid"
}

runs_current_build() {
  [[ $(as_root readlink "/proc/$1/exe") != *" (deleted)" ]]
}

# start_process NAME RUNNER ARGS...: RUNNER is as_root, or env to stay who we are. The process gets a
# session of its own, so that it outlives the terminal.
start_process() {
  local name=$1 runner=$2
  shift 2
  : >".run/$name.log"
  # $! is the program's pid: setsid doesn't fork when it is no group leader, and then execs.
  "$runner" sh -c 'log=$1 pid=$2; shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null &
    echo $! >"$pid"' sh ".run/$name.log" ".run/$name.pid" "$PWD/build/release/bin/$name" "$@"
  wait_until 5 process_began "$name" || die "$name didn't start within 5 s"
}

# True once the shell that forked it has become the program, or the program has already ended.
process_began() {
  running_pid "$1" >/dev/null || process_gone "$(cat ".run/$1.pid")"
}

stop_process() {
  local name=$1 pid
  if ! pid=$(running_pid "$name"); then
    say "$name is not running"
    as_root rm -f ".run/$name.pid"
    return
  fi
  as_root kill -TERM "$pid"
  if ! wait_until 15 process_gone "$pid"; then
    say "$name (pid $pid) didn't end within 15 s of SIGTERM; killing it"
    as_root kill -KILL "$pid"
    wait_until 5 process_gone "$pid" || die "$name (pid $pid) can't be killed"
  fi
  as_root rm -f ".run/$name.pid"
  say "stopped $name (pid $pid)"
}

process_gone() {
  [[ ! -e /proc/$1 ]] || [[ $(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) == Z ]]
}

# wait_until SECONDS COMMAND...: polls ten times a second.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
