#!/bin/bash
# Runs one private engine in namespaces of its own and removes every trace of it, however it ends.
# outer.sh DIR NAME: commands for inner.sh come on stdin; its end is the end of the engine, so the
# engine never outlives the test process, not even one that was killed.
set -u
dir=$1 name=$2
here=$(dirname "$(readlink -f "$0")")
trap '' INT HUP TERM # a Ctrl-C on the tests must not prevent the cleaning below

unshare --pid --fork --net --mount --uts --ipc --kill-child bash "$here/inner.sh" "$dir" "$name"

# Processes, mounts, links and iptables rules went with the namespaces; empty cgroups remain, and
# they can be busy until the last process of a killed namespace has been reaped.
for _ in $(seq 100); do
  left=$(find /sys/fs/cgroup -depth -type d -path "*/$name*" 2>/dev/null)
  [ -z "$left" ] && break
  while read -r group; do rmdir "$group" 2>/dev/null; done <<<"$left"
  sleep 0.02
done
rm -rf "$dir"
