#!/bin/sh
# Gives root up: homeport runs as a user of its own, in the group that docker.sock belongs to, with one
# capability, to bind port 53. A container that was started as another user is left as it is.
set -eu
[ "$(id -u)" = 0 ] || exec homeport "$@"

user=5353
socket=${DOCKER_SOCKET:-/var/run/docker.sock}
group=$user
[ ! -S "$socket" ] || group=$(stat -c %g "$socket")
mkdir -p "$RUNTIME_DIRECTORY" "$STATE_DIRECTORY"
chown -R "$user:$user" "$RUNTIME_DIRECTORY" "$STATE_DIRECTORY"
exec /usr/bin/setpriv --reuid "$user" --regid "$user" --groups "$group" \
  --bounding-set -all,+net_bind_service --inh-caps -all,+net_bind_service \
  --ambient-caps -all,+net_bind_service --no-new-privs homeport "$@"
