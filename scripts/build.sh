# shellcheck shell=bash
dev_build() {
  local preset=${1:-release}
  [[ $# -le 1 ]] || bad_usage "build takes one preset: ${presets[*]}"
  [[ " ${presets[*]} " == *" $preset "* ]] ||
    bad_usage "unknown preset '$preset'; expected one of: ${presets[*]}"
  need_packages build
  [[ $preset == core-gcc ]] && need_packages gcc
  build "$preset"
  say "done: programs are in build/$preset/bin"
}
