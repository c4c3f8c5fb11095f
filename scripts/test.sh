# shellcheck shell=bash

# Three trees, one ctest run: release (unit, sim and lab tests on what users get), asan-ubsan (unit
# tests and fuzz corpora), tsan (everything that has threads).
dev_test() {
  if [[ ${1:-} == --guest ]]; then
    shift
    test_in_guest "$@"
    return
  fi
  need_packages build run games conformance units
  unpack_resolved
  local tree
  mkdir -p build/ctest
  : >build/ctest/CTestTestfile.cmake
  for tree in release asan-ubsan tsan; do
    timed "build/$tree" build "$tree"
    echo "subdirs(\"$PWD/build/$tree\")" >>build/ctest/CTestTestfile.cmake
  done
  # As root, because the lab makes network namespaces.
  # Six slots a core (LANRAGE_SLOTS_A_CORE): a busy test takes all of a core's.
  as_root env LANRAGE_LAB_RESOLVED="$PWD/build/resolved" ctest --test-dir build/ctest --output-on-failure --no-tests=error -j "$((6 * $(nproc)))" "$@"
}

# The lab on Debian's own kernel, for in-kernel WireGuard; all else has nothing to gain there.
test_in_guest() {
  need_packages build run
  timed "build/release" build release
  # `auto` would take the kernel's WireGuard too, but would also hide that it didn't.
  as_root env LANRAGE_LAB_WIREGUARD=kernel scripts/guest.sh ctest --test-dir build/release -L lab --output-on-failure \
    --no-tests=error "$@"
}
