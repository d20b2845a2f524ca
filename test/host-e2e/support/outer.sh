#!/bin/bash
# Runs one test host in namespaces and control groups of its own, until it ends, and removes what is left of it.
# outer.sh DIR LOWER NAME; the end of stdin is the end of the host, so that it never outlives its test.
set -u
dir=$1 lower=$2 name=$3
here=$(dirname "$(readlink -f "$0")")
trap '' INT HUP TERM
mkdir -p "$dir"/{upper,work,root,docker}

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then groups=(/sys/fs/cgroup/); else groups=(/sys/fs/cgroup/*/); fi
(
  for group in "${groups[@]}"; do
    mkdir -p "$group$name"
    for file in cpuset.cpus cpuset.mems; do
      [ -e "$group$file" ] && cat "$group$file" >"$group$name/$file" 2>/dev/null
    done
    echo "$BASHPID" >"$group$name/cgroup.procs" || true
  done
  exec unshare --pid --fork --kill-child=KILL --net --mount --uts --ipc --cgroup bash "$here/inner.sh" "$dir" "$lower" "$name"
) &
host=$!
(
  trap - TERM
  read -r
  : >"$dir/over"
  kill -KILL "$host" 2>/dev/null
) <&0 &
reader=$!
wait "$host"
# Its stdin ends with this process, and a host that reboots must not be taken for one whose test has ended.
kill "$reader" 2>/dev/null
wait "$reader" 2>/dev/null
for _ in $(seq 100); do
  left=$(find /sys/fs/cgroup -depth -type d -path "*/$name*" 2>/dev/null)
  [ -z "$left" ] && break
  while read -r group; do rmdir "$group" 2>/dev/null; done <<<"$left"
  sleep 0.02
done
# A host that reboots keeps its disk; one whose test has ended, however it ended, does not.
if [ -e "$dir/over" ]; then rm -rf "$dir"; fi
