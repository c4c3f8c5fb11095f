# shellcheck shell=bash
dev_lint() {
  local tidy_arguments=() failed=()
  case ${1:-} in
    '') ;;
    --all) tidy_arguments=(--all) ;;
    *) bad_usage "lint takes only --all" ;;
  esac
  need_packages build lint
  configure release
  # compile_commands.json must know the CMakeLists.txt of this moment.
  cmake --build build/release --target rebuild_cache >/dev/null
  # Each stage runs even when one before it failed, so that one run shows everything.
  timed "format" lint_format || failed+=(format)
  timed "dependency rules" python3 scripts/check_dependencies.py || failed+=("dependency rules")
  timed "clang-tidy" python3 scripts/tidy.py build/release "${tidy_arguments[@]}" || failed+=(clang-tidy)
  [[ ${#failed[@]} -eq 0 ]] || die "lint failed: ${failed[*]}"
  say "lint: clean"
}

lint_format() {
  local sources
  mapfile -t sources < <(git ls-files '*.cc' '*.hpp' '*.c' '*.h')
  clang-format-19 --dry-run -Werror "${sources[@]}" && return
  say "not formatted; clang-format-19 -i FILE does it"
  return 1
}
