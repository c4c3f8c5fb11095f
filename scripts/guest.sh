#!/usr/bin/env bash
# scripts/guest.sh PROGRAM [ARGS...]: runs a program as root inside a virtual machine with Debian's
# kernel, for what this machine's kernel may lack: in-kernel WireGuard above all. The guest sees
# this machine's whole file system (what it writes is forgotten), the current directory, PATH and
# the LANRAGE_* variables. Standard output and error of the program come out on standard output;
# its exit status is ours. 124: the deadline passed. 125: the guest itself failed.
#
# LANRAGE_GUEST_TIMEOUT: seconds for everything, 1800 unless set.
# LANRAGE_GUEST_ENV: more variables to pass on, names separated by spaces.
set -euo pipefail

if [[ $# -eq 0 || $1 == -h || $1 == --help ]]; then
  sed -n '2,/^set -e/{s/^# \{0,1\}//;/^set -e/!p}' "$0"
  exit 2
fi

project=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
guest=$project/build/guest
deadline=${LANRAGE_GUEST_TIMEOUT:-1800}
boot_modules=(virtio_pci 9pnet_virtio 9p overlay virtio_rng)

say() { echo "guest: $*" >&2; }

fail() {
  say "$*"
  exit 125
}

[[ $EUID -eq 0 ]] || fail "needs root, to share the whole file system with the guest: use sudo"

install_packages() {
  local missing=() package
  for package in qemu-system-x86 busybox-static kmod cpio; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  say "installing ${missing[*]}"
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >&2
}

# Debian's kernel, unpacked beside the build: this machine's own boot files stay as they are.
unpack_kernel() {
  [[ -f $guest/kernel/complete ]] && return
  local package
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
  [[ -n $package ]] || fail "apt knows no linux-image-amd64: run apt-get update"
  say "fetching $package"
  rm -rf "$guest/kernel" "$guest/download"
  mkdir -p "$guest/kernel" "$guest/download"
  (cd "$guest/download" && apt-get download -q -o APT::Sandbox::User=root "$package" >&2)
  dpkg-deb -x "$guest"/download/*.deb "$guest/kernel"
  rm -rf "$guest/download"
  mv "$guest"/kernel/boot/vmlinuz-* "$guest/kernel/vmlinuz"
  local release
  release=$(basename "$guest"/kernel/lib/modules/*)
  depmod -b "$guest/kernel" "$release"
  echo "$release" >"$guest/kernel/complete"
}

make_initramfs() {
  local root=$guest/initramfs release module
  release=$(<"$guest/kernel/complete")
  rm -rf "$root"
  mkdir -p "$root"/{bin,modules,proc,sys,dev,host,upper,tree}
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$project/scripts/guest_init.sh" "$root/init"
  chmod 755 "$root/init"
  for module in "${boot_modules[@]}"; do
    modprobe -d "$guest/kernel" -S "$release" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$guest/boot_modules"
  while read -r module; do
    cp "$module" "$root/modules/"
    basename "$module" >>"$root/modules/order"
  done <"$guest/boot_modules"
  (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$guest/initramfs.tmp.$$"
  mv "$guest/initramfs.tmp.$$" "$guest/initramfs.gz"
}

install_packages
mkdir -p "$guest"
(
  flock 9  # several guests may start at once
  unpack_kernel
  [[ -f $guest/initramfs.gz && $guest/initramfs.gz -nt $project/scripts/guest_init.sh &&
    $guest/initramfs.gz -nt ${BASH_SOURCE[0]} ]] || make_initramfs
) 9>"$guest/lock"

# What the guest and we tell each other: the command, and its exit status.
exchange=$(mktemp -d "$guest/run.XXXXXX")
trap 'rm -rf "$exchange"' EXIT
{
  printf 'export PATH=%q HOME=/root LANG=C.UTF-8\n' "$PATH"
  for name in ${!LANRAGE_@} ${LANRAGE_GUEST_ENV:-}; do
    [[ -v $name ]] && printf 'export %s=%q\n' "$name" "${!name}"
  done
  printf 'export LANRAGE_LAB_PATIENCE=%q\n' "${LANRAGE_LAB_PATIENCE:-4}"  # emulation is slow
  printf 'cd %q || exit 125\n' "$PWD"
  printf '%q ' "$@"
  printf '\n'
} >"$exchange/command"
echo "$guest/kernel/lib/modules" >"$exchange/modules"

# Never -accel kvm: /dev/kvm may open and yet fail to boot.
begin=$SECONDS
status=0
timeout --foreground -k 5 "$deadline" qemu-system-x86_64 \
  -accel tcg,thread=multi -cpu max -smp 2 -m 4G -nodefaults -no-reboot -display none -no-user-config \
  -kernel "$guest/kernel/vmlinuz" -initrd "$guest/initramfs.gz" \
  -append "console=ttyS1 quiet panic=-1 mitigations=off" \
  -chardev stdio,id=output,signal=off -serial chardev:output \
  -serial "file:$exchange/console" \
  -device virtio-rng-pci \
  -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap" \
  -virtfs "local,path=$exchange,mount_tag=exchange,security_model=none" \
  </dev/null || status=$?
[[ $status -ne 124 ]] || {
  say "the deadline of $deadline s passed; the guest's console said at last:"
  tail -n 20 "$exchange/console" >&2
  exit 124
}
if [[ ! -f $exchange/status ]]; then
  say "the guest ended without a result (qemu: $status); its console said at last:"
  tail -n 40 "$exchange/console" >&2
  exit 125
fi
read -r status booted <"$exchange/status"
say "$1 ended with status $status; the guest took $booted s to boot, $((SECONDS - begin)) s in all"
exit "$status"
