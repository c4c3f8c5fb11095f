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
  build release "bench_$name"
  if [[ $name == path ]]; then
    as_root build/release/bin/bench_path "$@" # it makes network namespaces
  else
    "build/release/bin/bench_$name" "$@"
  fi
}
