# shellcheck shell=bash
source scripts/processes.sh

dev_down() {
  stop_process lanrage      # the agent first: it tells the server goodbye
  stop_process lanrage-server
  say "state stays in .run/ (./dev up continues with it)"
}
