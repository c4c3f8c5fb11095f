#!/bin/busybox sh
# shellcheck shell=dash
# First process of the guest made by guest.sh: the host's files under a forgetful overlay, Debian's
# modules in their place, then the command. Kernel messages and our own go to the second serial port.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
exec >/dev/ttyS1 2>&1

give_up() {
  echo "guest: $*"
  $b poweroff -f
}

while read -r module; do
  $b insmod "/modules/$module" || give_up "can't load $module"
done </modules/order

options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o "ro,cache=loose,$options" host /host || give_up "can't mount the host's files"
$b mount -t tmpfs -o size=3g tmpfs /upper
$b mkdir /upper/data /upper/work
$b mount -t overlay -o lowerdir=/host,upperdir=/upper/data,workdir=/upper/work overlay /tree ||
  give_up "can't mount the overlay"

$b mount -t proc proc /tree/proc
$b mount -t sysfs sys /tree/sys
$b mount -t devtmpfs dev /tree/dev
$b mkdir -p /tree/dev/pts /tree/dev/shm
$b mount -t devpts devpts /tree/dev/pts
$b mount -t tmpfs tmpfs /tree/dev/shm
$b mount -t tmpfs tmpfs /tree/run
$b mkdir -p /tree/run/netns /tree/run/lock /tree/run/exchange
$b mount -t cgroup2 cgroup2 /tree/sys/fs/cgroup
$b mount -t 9p -o "$options" exchange /tree/run/exchange || give_up "can't mount the exchange"
$b mkdir -p /tree/lib/modules
$b mount -o bind "/host$($b cat /tree/run/exchange/modules)" /tree/lib/modules

# The kernel asks this root, not the overlay, for modules: hand its requests on.
$b mkdir -p /sbin
$b printf '#!/bin/busybox sh\nexec /bin/busybox chroot /tree /sbin/modprobe "$@"\n' >/sbin/modprobe
$b chmod 755 /sbin/modprobe
for module in wireguard veth bridge tun nf_tables nft_chain_nat nft_masq nft_nat nft_ct; do
  $b chroot /tree /sbin/modprobe "$module" || echo "guest: no module $module"
done
$b ip link set lo up

$b stty -F /dev/ttyS0 raw
booted=$($b cut -d' ' -f1 /proc/uptime)
# shellcheck disable=SC2016  # the inner shell expands it
# Through a pipe, so that programs don't take the port for a person's terminal.
$b chroot /tree /bin/bash -c \
  '/bin/bash /run/exchange/command </dev/null 2>&1 | cat; exit "${PIPESTATUS[0]}"' >/dev/ttyS0
echo "$? $booted" >/tree/run/exchange/status.new
$b mv /tree/run/exchange/status.new /tree/run/exchange/status
$b sync
$b poweroff -f
