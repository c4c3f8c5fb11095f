# shellcheck shell=bash
dev_bench() {
  need_packages build run
  configure release
  local known
  known=$(cmake --build build/release --target help | sed -n 's/^bench_\([a-z0-9_]*\): phony.*/\1/p')
  if [[ $# -lt 1 ]] || ! grep -qx -- "$1" <<<"$known"; then
    bad_usage "usage: ./dev bench NAME, where NAME is one of:" "${known:-(none built here)}"
  fi
  local name=$1
  shift
  if [[ $name == relay ]]; then need_coturn; fi
  build release "bench_$name"
  case $name in
    lan | path | relay) as_root "build/release/bin/bench_$name" "$@" ;; # they make network namespaces
    *) "build/release/bin/bench_$name" "$@" ;;
  esac
}

# Only the program: the service that comes with it would take our STUN server's port.
need_coturn() {
  [[ -e /usr/bin/turnserver ]] && return
  if command -v systemctl >/dev/null; then
    say "masking coturn.service, so that installing coturn starts no server (undo: systemctl unmask coturn)"
    as_root systemctl mask --quiet coturn.service || die "systemctl can't mask coturn.service"
  fi
  need_packages bench_relay
}
