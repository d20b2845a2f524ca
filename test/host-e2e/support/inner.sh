#!/bin/bash
# Becomes process 1 of a test host: its root, its kernel file systems, its uplink, then systemd.
# inner.sh DIR LOWER NAME: DIR keeps what the host writes, LOWER is its image (overlayfs's lowerdir).
set -eu
dir=$1 lower=$2 name=$3
root=$dir/root
read -r pid _ </proc/self/stat # still the outer /proc: our pid as the test sees it
echo "pid $pid"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
# Only the network's settings are the host's own; the others are this machine's.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  umount "$root/sys/fs/cgroup"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir "$root/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "$root/sys/fs/cgroup/$controller"
  done
  mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
fi
mount -o remount,bind,ro "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
while read -r node major minor; do mknod -m 666 "$root/dev/$node" c "$major" "$minor"; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mknod -m 600 "$root/dev/console" c 5 1
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$root/dev/${n#*:}"; done
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
# There is no console; a unit that fails for want of one is no news about homeport.
mkdir -p "$root/run/systemd/system"
ln -s /dev/null "$root/run/systemd/system/console-getty.service"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/var/lib/docker"
mount --bind "$dir/docker" "$root/var/lib/docker"
hostname "$name"

# The uplink: both ends are here, and production's server listens on it.
ip link set lo up
ip link add up0 type veth peer name up0p
ip link set up0p up
ip address add 10.99.0.1/24 dev up0p noprefixroute
ip address add 10.99.0.53/24 dev up0p noprefixroute
ip link set up0 up
# Whoever manages the network in that image finds the link without an address.
if [ ! -e "$root/etc/NetworkManager" ] && [ ! -e "$root/etc/network/interfaces" ] && [ ! -e "$root/etc/systemd/network/up0.network" ]; then
  ip address add 10.99.0.2/24 dev up0
  ip route add default via 10.99.0.1 dev up0
fi

cd "$root"
mkdir -p .outside
pivot_root . .outside
exec env -i container=homeport-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  sh -c 'umount -l /.outside && rmdir /.outside && exec /lib/systemd/systemd --log-target=journal --show-status=0' </dev/null
