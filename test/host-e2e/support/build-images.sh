#!/bin/bash
# Builds the test host's file systems: a Debian with systemd and Docker, and a layer for each manager of
# resolv.conf. build-images.sh CACHE: what is complete there is not built again. With HOMEPORT_TEST_MANAGERS (plain,resolved)
# only their layers are built.
set -euo pipefail
cache=$1 suite=bookworm
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$cache"/{layers,work,mnt}
exec 9>"$cache/lock"
flock 9

# In a mount namespace of its own, so that an interrupted build leaves no mount behind.
if [ "${HOMEPORT_IMAGE_NS:-}" != 1 ]; then
  HOMEPORT_IMAGE_NS=1 exec unshare --mount --propagation private bash "$0" "$@"
fi

in_root() { # in_root ROOT COMMAND: with /proc, the names of this machine, and no service started
  local root=$1
  shift
  mount --bind /proc "$root/proc"
  rm -f "$root/etc/resolv.conf"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  chroot "$root" sh -euc "$*" >"$cache/log" 2>&1 || { tail -20 "$cache/log" >&2; return 1; }
  rm -f "$root/usr/sbin/policy-rc.d"
  umount "$root/proc"
}

if [ ! -e "$cache/base.done" ]; then
  rm -rf "$cache/base"
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,udev,kmod,iproute2,iptables,procps,ca-certificates,libcap2-bin,e2fsprogs,attr \
    "$suite" "$cache/base" >"$cache/log" 2>&1 || { tail -20 "$cache/log" >&2; exit 1; }
  in_root "$cache/base" '
    apt-get install -y --no-install-recommends docker.io strace bind9-dnsutils man-db bash-completion
    apt-get install -y --no-install-recommends --download-only -o Dir::Cache::archives=/root nscd
    systemctl mask systemd-networkd-wait-online.service
    rm -f /root/lock; rm -rf /root/partial
    apt-get clean
    : >/etc/machine-id; rm -f /etc/hostname'
  : >"$cache/base/etc/resolv.conf"
  touch "$cache/base.done"
fi

layer() { # layer NAME LOWER COMMAND
  local name=$1 lower=$2
  shift 2
  case ",${HOMEPORT_TEST_MANAGERS:-$name}," in
    *",$name,"*) ;;
    *",nss-resolve,"*) [ "$name" = resolved ] || return 0 ;;
    *) return 0 ;;
  esac
  [ -e "$cache/$name.done" ] && return
  rm -rf "${cache:?}/layers/$name" "${cache:?}/work"
  mkdir -p "$cache/layers/$name" "$cache/work"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$cache/layers/$name,workdir=$cache/work" "$cache/mnt"
  in_root "$cache/mnt" "$*
apt-get clean"
  umount "$cache/mnt"
  touch "$cache/$name.done"
}

base=$cache/base
layer plain "$base" '
cat >/etc/resolv.conf <<END
search corp.example
nameserver 10.99.0.53
options timeout:2 attempts:2
END
chmod 644 /etc/resolv.conf'

layer resolved "$base" '
apt-get install -y --no-install-recommends systemd-resolved
cat >/etc/systemd/network/up0.network <<END
[Match]
Name=up0
[Network]
Address=10.99.0.2/24
Gateway=10.99.0.1
DNS=10.99.0.53
Domains=corp.example
END
systemctl enable systemd-networkd
rm -f /etc/resolv.conf
ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf'

layer nss-resolve "$cache/layers/resolved:$base" '
apt-get install -y --no-install-recommends libnss-resolve
rm -f /etc/resolv.conf
ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf'

# What ifupdown or a VPN would tell resolvconf at boot.
uplink='
cat >/etc/systemd/system/uplink.service <<END
[Unit]
After=resolvconf.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/uplink
[Install]
WantedBy=multi-user.target
END
cat >/usr/local/sbin/uplink <<END
#!/bin/sh
exec resolvconf -a up0 <<RECORD
nameserver 10.99.0.53
search corp.example
RECORD
END
chmod 755 /usr/local/sbin/uplink
systemctl enable uplink'
layer resolvconf "$base" "
apt-get install -y --no-install-recommends resolvconf
rm -f /etc/resolv.conf
ln -s ../run/resolvconf/resolv.conf /etc/resolv.conf
$uplink"
layer openresolv "$base" "
apt-get install -y --no-install-recommends openresolv
: >/etc/resolv.conf
$uplink"

layer network-manager "$base" '
apt-get install -y --no-install-recommends network-manager
: >/etc/resolv.conf
cat >/etc/NetworkManager/system-connections/up0.nmconnection <<END
[connection]
id=up0
type=ethernet
interface-name=up0
[ipv4]
method=manual
address1=10.99.0.2/24,10.99.0.1
dns=10.99.0.53;
dns-search=corp.example;
[ipv6]
method=disabled
END
chmod 600 /etc/NetworkManager/system-connections/up0.nmconnection
cat >/etc/NetworkManager/conf.d/test.conf <<END
[device-up0]
match-device=interface-name:up0
managed=1
[keyfile]
unmanaged-devices=interface-name:up0p;interface-name:docker*;interface-name:br-*;interface-name:veth*
END'

layer dhclient "$base" '
apt-get install -y --no-install-recommends ifupdown isc-dhcp-client isc-dhcp-server
: >/etc/resolv.conf
cat >/etc/network/interfaces <<END
auto up0
iface up0 inet dhcp
END
cat >/etc/dhcp/dhcpd.conf <<END
default-lease-time 14;
max-lease-time 14;
authoritative;
subnet 10.99.0.0 netmask 255.255.255.0 {
  range 10.99.0.60 10.99.0.69;
  option domain-name-servers 10.99.0.53;
  option domain-name "corp.example";
}
END
systemctl disable isc-dhcp-server
touch /var/lib/dhcp/dhcpd.leases
cat >/etc/systemd/system/test-dhcpd.service <<END
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=networking.service
[Service]
ExecStart=/usr/sbin/dhcpd -4 -f up0p
[Install]
WantedBy=networking.service
END
systemctl enable test-dhcpd'
