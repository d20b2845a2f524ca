#!/bin/sh
# Makes a Debian box of production's backends: Docker, homeport as the resolver, and a container for each line
# of `backends`. Run as root, as often as one likes: what is there already stays.
set -eu
here=/vagrant/config/vagrant
address=${HOMEPORT_BOX_ADDRESS:-192.168.56.10}
region=${HOMEPORT_REGION:-us-east-1.domain.com}
backends=${HOMEPORT_BACKENDS:-$here/backends}
package=${HOMEPORT_DEB:-$(find /vagrant/.package -name 'homeport_*.deb' 2>/dev/null | sort -V | tail -n 1)}
mark='# Written by provision.sh; a file without this line is left alone.'

fail() {
  echo "provision: $1" >&2
  exit 1
}

# write FILE: standard input, where the file is missing or ours; true where that changed it.
write() {
  text=$(printf '%s\n' "$mark"; cat)
  if [ -e "$1" ]; then
    [ "$text" = "$(cat "$1")" ] && return 1
    # The package's own file has nothing but comments.
    if ! grep -q -x -F "$mark" "$1" && grep -q '^[^#]' "$1"; then
      echo "provision: $1 was edited, so it stays" >&2
      return 1
    fi
  fi
  mkdir -p "$(dirname "$1")" && printf '%s\n' "$text" >"$1.new" && mv -f "$1.new" "$1" || fail "cannot write $1"
}

[ "$(id -u)" = 0 ] || fail 'run it as root'
[ -f "$backends" ] || fail "there is no $backends"
link=$(ip -o -4 address show to "$address" | awk 'NR == 1 { print $2 }')
[ -n "$link" ] || fail "this box does not have the address $address; set HOMEPORT_BOX_ADDRESS to that of its private network"
laptop=$(ip -4 route show dev "$link" scope link proto kernel | awk 'NR == 1 { print $1 }')
[ -f "$package" ] || fail 'there is no package in .package; make it on Linux: npm ci && npm run package'

if ! command -v dockerd >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends docker.io iptables ca-certificates >/dev/null
fi
systemctl start docker
dpkg -i --force-confold "$package" >/dev/null

names=$(awk '!/^[[:space:]]*(#|$)/ { print $1 }' "$backends")
write /etc/homeport.yaml <<END || :
region: $region
expected:
  names: [$(echo $names | sed 's/ /, /g')]
# The laptop, through the box's private network.
allow: [loopback, engine-networks, $laptop]
END
is_installed=$(systemctl is-active homeport.socket || :)
if write /etc/systemd/system/homeport.socket.d/box.conf <<END
[Socket]
ListenDatagram=$address:53
ListenStream=$address:53
END
then
  systemctl daemon-reload
  if [ "$is_installed" = active ]; then systemctl restart homeport.socket; fi
fi
homeport host install --yes --restart-engine

# Docker forwards from its own networks only.
bridge=$(docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' bridge)
rule="-s $laptop -d $bridge -j ACCEPT"
if write /etc/systemd/system/homeport-box.service <<END
[Unit]
Description=way from the laptop to the containers of this box
After=docker.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'iptables -C DOCKER-USER $rule 2>/dev/null || iptables -I DOCKER-USER $rule'
[Install]
WantedBy=multi-user.target
END
then
  systemctl daemon-reload
fi
systemctl enable --quiet homeport-box.service
systemctl restart homeport-box.service

# container NAME [KEY=VALUE...] IMAGE [ARGUMENT...]
container() {
  name=$1 line="$*" environment=
  shift
  while :; do
    case $1 in
      *=*) environment="$environment --env $1" && shift ;;
      *) break ;;
    esac
  done
  if [ "$(docker inspect --format '{{index .Config.Labels "homeport.box"}}' "$name" 2>/dev/null)" = "$line" ]; then
    docker start "$name" >/dev/null
    return
  fi
  docker rm -f "$name" >/dev/null 2>&1 || :
  # The words have no blanks: they were read from a line.
  docker run -d --name "$name" --restart unless-stopped --label "homeport.box=$line" $environment "$@" >/dev/null
}

grep -v -E '^[[:space:]]*(#|$)' "$backends" | while read -r line; do container $line; done

for name in $names; do
  found=$(getent ahostsv4 "$name" | awk 'NR == 1 { print $1 }')
  [ -n "$found" ] || fail "$name does not resolve; see homeport explain $name"
  printf '%-15s %s.%s\n' "$found" "$name" "$region"
done
echo "the laptop asks $address for $region, and reaches $bridge through it; see config/vagrant/README.md"
