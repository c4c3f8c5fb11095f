# shellcheck shell=bash
dev_demo() {
  need_packages build run
  build release lanrage lanrage-server lanrage-demo
  as_root build/release/bin/lanrage-demo "$@"
}
