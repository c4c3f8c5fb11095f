# shellcheck shell=bash
dev_demo() {
  need_packages build run
  [[ " $* " != *" --game "* ]] || need_packages demo_game
  build release lanrage lanrage-server lanrage-demo
  as_root build/release/bin/lanrage-demo "$@"
}
