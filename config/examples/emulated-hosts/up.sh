#!/bin/sh
# Two emulated hosts beside each other, at fixed addresses: host-a, whose engine is asked over TCP with TLS, and
# host-b, whose engine is asked over ssh. Waits until both engines answer.
#
# sh up.sh [FOLDER]   keys and certificates go there; default: /etc/homeport/emulated-hosts
set -eu
folder=${1:-/etc/homeport/emulated-hosts}
here=$(dirname "$0")
mkdir -p "$folder/sockets"

# A certificate authority for the day, and what it signs: host-a's engine, and homeport as its client.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=emulated-hosts \
  -keyout "$folder/ca-key.pem" -out "$folder/ca.pem" 2>/dev/null
for name in server client; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$folder/$name-key.pem" -out "$folder/$name.csr" 2>/dev/null
  printf 'subjectAltName=IP:10.81.82.100\nextendedKeyUsage=%sAuth\n' "$name" >"$folder/$name.ext"
  openssl x509 -req -in "$folder/$name.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" -CAcreateserial \
    -days 30 -extfile "$folder/$name.ext" -out "$folder/$name.pem" 2>/dev/null
done

# A key of host-b, and one of homeport's user; what ssh needs to use them stands in a file of its own.
for key in host_key user_key; do
  rm -f "$folder/$key"
  ssh-keygen -q -t ed25519 -N '' -f "$folder/$key"
done
echo "10.81.82.101 $(cut -d ' ' -f 1,2 "$folder/host_key.pub")" >"$folder/known_hosts"
cat >"$folder/ssh.conf" <<END
Host 10.81.82.101
  IdentityFile $folder/user_key
  UserKnownHostsFile $folder/known_hosts
END

sh "$here/host-image.sh"
docker network create --subnet 10.81.82.0/24 hosts >/dev/null

# A privileged container does as well, where the engine may give one.
emulate() {
  name=$1 address=$2
  shift 2
  capabilities=
  for capability in SYS_ADMIN NET_ADMIN SYS_PTRACE SYS_TIME SYSLOG IPC_LOCK DAC_READ_SEARCH SYS_NICE LINUX_IMMUTABLE; do
    capabilities="$capabilities --cap-add $capability"
  done
  # shellcheck disable=SC2086 # the capabilities are words
  docker run -d --name "$name" --hostname "$name" --network hosts --ip "$address" $capabilities \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
    --cgroupns private --device-cgroup-rule 'a *:* rwm' \
    -v /usr:/usr:ro -v /etc/alternatives:/etc/alternatives:ro -v /var/lib/docker -v "$folder:/secrets:ro" -v "$folder/sockets:/sockets" \
    emulated-host --host "unix:///sockets/$name.sock" --dns 10.81.82.1 --dns-search us-east-1.domain.com "$@" >/dev/null
}
emulate host-a 10.81.82.100 --host tcp://0.0.0.0:2376 --tlsverify \
  --tlscacert /secrets/ca.pem --tlscert /secrets/server.pem --tlskey /secrets/server-key.pem
emulate host-b 10.81.82.101

for host in host-a host-b; do
  until docker exec "$host" docker version >/dev/null 2>&1; do sleep 0.1; done
done
