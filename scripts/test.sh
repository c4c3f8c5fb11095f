# shellcheck shell=bash

# Three trees, one ctest run: release (unit, sim and lab tests on what users get), asan-ubsan (unit
# tests and fuzz corpora), tsan (everything that has threads).
dev_test() {
  if [[ ${1:-} == --guest ]]; then
    shift
    test_in_guest "$@"
    return
  fi
  need_packages build run
  local tree
  mkdir -p build/ctest
  : >build/ctest/CTestTestfile.cmake
  for tree in release asan-ubsan tsan; do
    timed "build/$tree" build "$tree"
    echo "subdirs(\"$PWD/build/$tree\")" >>build/ctest/CTestTestfile.cmake
  done
  # As root, because the lab makes network namespaces.
  as_root env ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=halt_on_error=1 \
    ctest --test-dir build/ctest --output-on-failure --no-tests=error -j "$(nproc)" "$@"
}

test_in_guest() {
  need_packages build run guest
  timed "build/release" build release
  as_root tests/lab/guest.sh "$PWD/build/release" "$@"
}
