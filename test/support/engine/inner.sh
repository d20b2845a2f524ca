#!/bin/bash
# Process 1 of a private engine's namespaces: mounts, then a loop of commands that control dockerd.
# Each command is answered by one line on stdout.
set -u
dir=$1 name=$2
read -r pid _ </proc/self/stat # still the outer /proc: our pid as the test process sees it

mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up
mkdir -p "$dir/data"
mount -t tmpfs -o mode=755 tmpfs "$dir/data" # the data root: overlay2 wants no overlay below it
hostname "$name"
echo 1 >/proc/sys/net/ipv4/ip_forward
# Some hosts disable IPv6 by default for new interfaces, which would hide what the tests look at.
echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null
echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null
echo "$pid"

dockerd=0
while read -r command arguments; do
  case $command in
    start)
      rm -f "$dir/data/pid" # a killed dockerd leaves it behind, and the next one refuses to start
      # shellcheck disable=SC2086 # the arguments are words
      "$DOCKERD" --data-root "$dir/data/root" --exec-root "$dir/data/exec" --pidfile "$dir/data/pid" \
        -H "unix://$dir/docker.sock" --cgroup-parent "/$name" $arguments \
        >>"$dir/log" 2>&1 </dev/null &
      dockerd=$!
      ;;
    signal)
      kill "-$arguments" "$dockerd"
      # A stop reaches one thread after the other, and until the last one the engine may still answer.
      if [ "$arguments" = STOP ]; then
        while cat "/proc/$dockerd/task/"*/stat | grep -qv ') T '; do sleep 0.01; done
      fi
      ;;
    wait) wait "$dockerd" 2>/dev/null ;; # 2>: bash tells of jobs that were killed
  esac
  echo ok
done

# The end of stdin is the end of everything here. What is frozen (docker pause, with cgroup v1) cannot
# even be killed, and the namespace would wait for it for ever.
[ "$dockerd" -gt 0 ] && kill -KILL "$dockerd" 2>/dev/null
find /sys/fs/cgroup -path "*/$name/*" -name freezer.state 2>/dev/null |
  while read -r state; do echo THAWED >"$state"; done
