# shellcheck shell=bash
dev_lint() {
  local tidy_arguments=()
  case ${1:-} in
    '') ;;
    --all) tidy_arguments=(--all) ;;
    *) bad_usage "lint takes only --all" ;;
  esac
  need_packages build lint
  timed "format" lint_format
  timed "dependency rules" python3 scripts/check_dependencies.py
  configure release
  # compile_commands.json must know the CMakeLists.txt of this moment.
  cmake --build build/release --target rebuild_cache >/dev/null
  timed "clang-tidy" python3 scripts/tidy.py build/release "${tidy_arguments[@]}"
  say "lint: clean"
}

lint_format() {
  local sources
  mapfile -t sources < <(git ls-files '*.cc' '*.hpp' '*.c' '*.h')
  if ! clang-format-19 --dry-run -Werror "${sources[@]}"; then
    die "not formatted; clang-format-19 -i FILE does it"
  fi
}
