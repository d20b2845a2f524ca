#!/bin/bash
# Runs podman's API service in namespaces of its own until standard input ends, and removes every trace.
# run.sh DIR: prints the pid of the namespaces' first process.
set -u
dir=$1
trap '' INT HUP TERM # a Ctrl-C on the tests must not prevent the cleaning below

# shellcheck disable=SC2016 # the inner shell expands these
unshare --pid --fork --net --mount --uts --ipc --kill-child bash -c '
  dir=$1
  read -r pid _ </proc/self/stat # still the outer /proc
  mount --make-rprivate /
  mount -t proc proc /proc
  ip link set lo up
  mkdir -p "$dir/data"
  mount -t tmpfs -o mode=755 tmpfs "$dir/data" # overlay wants no overlay below it
  mount -t tmpfs -o mode=755 tmpfs /run        # netns, locks and sockets of the host are not its business
  hostname podman-host
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo "$pid"
  CONTAINERS_CONF=$dir/containers.conf podman --root "$dir/data/root" --runroot "$dir/data/run" \
    --tmpdir "$dir/data/tmp" --network-config-dir "$dir/data/net" --storage-driver overlay \
    system service --time=0 "unix://$dir/podman.sock" >"$dir/log" 2>&1 </dev/null &
  cat >/dev/null
' bash "$dir"

# What the namespaces held went with them; the control groups of its containers are empty now.
for _ in $(seq 50); do
  left=$(find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' 2>/dev/null)
  [ -z "$left" ] && break
  while read -r group; do rmdir "$group" 2>/dev/null; done <<<"$left"
  sleep 0.02
done
rm -rf "$dir"
