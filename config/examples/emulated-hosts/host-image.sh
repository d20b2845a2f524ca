#!/bin/sh
# Makes the image of an emulated host, without a registry: an empty tree into which this host's own /usr
# is lent when it runs, so dockerd, ssh and all else are those of this host (Debian: docker.io, iptables,
# openssh-server). A set-up with a registry would use any image that has dockerd and sshd.
#
# sh host-image.sh [TAG]
set -eu
tag=${1:-emulated-host}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
mkdir -p "$root/etc/ssh" "$root/root" "$root/run/sshd" "$root/tmp" "$root/usr" "$root/var/lib/docker" "$root/var/run"
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
END
printf 'root:x:0:\nnogroup:x:65534:\ndocker:x:999:\n' >"$root/etc/group"
cat >"$root/etc/ssh/sshd_config" <<'END'
HostKey /secrets/host_key
AuthorizedKeysFile /secrets/user_key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
END
cat >"$root/start" <<'END'
#!/bin/sh
# Process 1 of an emulated host: sshd beside dockerd, whose further options are the arguments.
for controller in /sys/fs/cgroup /sys/fs/cgroup/*; do
  mountpoint -q "$controller" && mount -o remount,bind,rw "$controller"
done
# A host that was killed leaves these behind, and dockerd would take the process for alive.
rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
/usr/sbin/sshd
exec dockerd --host unix:///var/run/docker.sock "$@"
END
chmod 755 "$root/start"

tar -C "$root" --owner=0 --group=0 -c . | docker import -c 'ENTRYPOINT ["/start"]' - "$tag" >/dev/null
