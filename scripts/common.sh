# Shared by the subcommands of ./dev; the working directory is the project's root.
# shellcheck shell=bash
source scripts/packages.sh

readonly presets=(release dev asan-ubsan tsan fuzz core-gcc)

say() { echo "dev: $*" >&2; }

die() {
  say "$*"
  exit 1
}

bad_usage() {
  say "$*"
  exit 2
}

# Runs a command as root: directly if we are, else through sudo.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    die "this step needs root and there is no sudo; run ./dev as root: $*"
  fi
}

# configure PRESET: only when the preset's tree doesn't exist; ninja reconfigures by itself later.
configure() {
  local preset=$1
  [[ -f build/$preset/build.ninja && build/$preset/CMakeCache.txt -nt CMakePresets.json ]] && return
  say "configuring build/$preset"
  local log
  log=$(log_file "configure-$preset")
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    die "configuring preset '$preset' failed"
  fi
  touch "build/$preset/CMakeCache.txt"
}

log_file() {
  mkdir -p build/log
  echo "build/log/$1.log"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  configure "$preset"
  say "building ${*:-everything} in build/$preset"
  cmake --build "build/$preset" --target "${@:-all}" >&2 || die "building in build/$preset failed"
}

# timed NAME COMMAND...: runs it, tells how long it took, and passes its status on.
timed() {
  local name=$1 begin=$SECONDS status=0
  shift
  "$@" || status=$?
  say "$name: $((SECONDS - begin)) s"
  return "$status"
}
