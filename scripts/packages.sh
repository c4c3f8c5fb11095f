# What each part needs from Debian 12; installs only what is missing. (scripts/guest.sh sees to its
# own needs.)
# shellcheck shell=bash

# lld-19 and llvm-19 (the sanitizers' symbolizer) go with the pinned compiler; libstdc++ is g++-12's;
# python3-cryptography is the unit tests', for the protocol's test vectors.
readonly packages_build=(
  clang-19 lld-19 llvm-19 libclang-rt-19-dev libstdc++-12-dev libc6-dev
  cmake ninja-build ccache pkg-config python3 python3-cryptography python3-yaml
  libboost1.81-dev libboost-json1.81-dev libboost-system1.81-dev
  libssl-dev libsqlite3-dev libnftables-dev libcli11-dev libtomlplusplus-dev
  libminiupnpc-dev libnatpmp-dev libbpf-dev libseccomp-dev libqrencode-dev
  libgtest-dev libgmock-dev libbenchmark-dev libzxing-dev)
readonly packages_gcc=(g++-12)
readonly packages_lint=(clang-format-19 clang-tidy-19 git)
# What the agent and the lab run: a userspace WireGuard, namespaces, NATs.
readonly packages_run=(wireguard-go wireguard-tools iproute2 nftables iputils-ping procps miniupnpd dbus-daemon)
# The games of the lab (58 MB to fetch, with what they need), and the one that ./dev demo --game plays.
readonly packages_games=(
  chocolate-doom openttd openttd-opengfx teeworlds-server bzflag-server freeciv-server)
readonly packages_demo_game=(chocolate-doom)
# What ./dev bench relay compares ours with.
readonly packages_bench_relay=(coturn)
# The conformance tests: clients that share no code with the server, and the guide's example.
readonly packages_conformance=(curl python3 python3-cryptography python3-jsonschema python3-websockets python3-yaml)
# systemd-analyze, which looks at the units of packaging/; nothing of it runs.
readonly packages_units=(systemd)

# systemd-resolved for a test of its own: unpacked, because installing it would replace the machine's
# /etc/resolv.conf. The test is skipped where that fails.
unpack_resolved() {
  local folder=$PWD/build/resolved package
  [[ -x $folder/lib/systemd/systemd-resolved ]] && return
  say "unpacking systemd-resolved"
  local log=$PWD/$(log_file resolved)
  rm -rf "$folder"
  mkdir -p "$folder/packages"
  if ! (cd "$folder/packages" && apt-get -q download systemd-resolved libsystemd-shared) \
    >"$log" 2>&1; then
    say "systemd-resolved can't be had; its test will be skipped"
    return
  fi
  for package in "$folder"/packages/*.deb; do
    dpkg-deb -x "$package" "$folder"
  done
}

# need_packages GROUP...: e.g. need_packages build run
need_packages() {
  local group name wanted=() missing=()
  declare -A installed=()
  for group in "$@"; do
    local -n list="packages_$group"
    wanted+=("${list[@]}")
  done
  while read -r name; do
    installed[$name]=1
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
    sed -n 's/^installed //p')
  for name in "${wanted[@]}"; do
    [[ ${installed[$name]:-} ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  say "installing ${missing[*]}"
  local log apt
  log=$(log_file apt)
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300)
  if ! { as_root "${apt[@]}" update &&
    as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "installing packages failed; all of apt's output is in $log"
  fi
}
