# shellcheck shell=bash
dev_fuzz() {
  need_packages build
  configure fuzz
  local known
  known=$(cmake --build build/fuzz --target help | sed -n 's/^fuzz_\([a-z0-9_]*\): phony.*/\1/p')
  if [[ $# -ne 2 || ! ${2:-} =~ ^[1-9][0-9]*$ ]] || ! grep -qx -- "$1" <<<"$known"; then
    bad_usage "usage: ./dev fuzz TARGET SECONDS, where TARGET is one of:" "${known:-(none built here)}"
  fi
  local target=$1 seconds=$2
  build fuzz "fuzz_$target"
  # New finds grow in the build tree; the corpus in the tree is kept small by hand. What crashes goes
  # straight into it, so that every later ctest run replays it.
  mkdir -p "build/fuzz/corpus/$target" "fuzz/corpus/$target"
  say "fuzzing $target for $seconds s"
  "build/fuzz/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="fuzz/corpus/$target/" \
    "build/fuzz/corpus/$target" "fuzz/corpus/$target" ||
    die "a failing input was saved in fuzz/corpus/$target; commit it together with the fix"
}
