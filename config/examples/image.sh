#!/bin/sh
# Makes the image that the examples run, of this host's own files (Debian; package busybox-static) and
# without a registry: busybox, bash and getent with their C library, and two small programs:
#
#   answer PORT [TEXT]   tells TEXT, or its host name, to whoever connects
#   connect NAME PORT    looks NAME up with the C library, connects, and prints what it is told
#
# sh image.sh [TAG [PROGRAM...]]: further programs of the host, with the libraries that they load; the
# libraries alone of what LIBRARIES_OF names.
set -eu
tag=${1:-homeport-example}
[ $# -eq 0 ] || shift
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/bin" "$root/usr/bin" "$root/etc" "$root/tmp" "$root/www"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
for program in bash getent "$@"; do
  cp "$(command -v "$program")" "$root/usr/bin/"
done
for file in "$root"/usr/bin/* ${LIBRARIES_OF:-}; do
  for library in $(ldd "$file" | grep -o '/[^ ]*'); do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
  done
done
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

cat >"$root/bin/answer" <<'END'
#!/bin/sh
# As process 1 it would ignore TERM, and each stop take ten seconds.
trap 'exit 0' TERM
echo "${2:-$(hostname)}" >/www/index.html
httpd -f -p "$1" -h /www &
wait
END
cp "$(dirname "$0")/connect" "$root/bin/"
cat >"$root/bin/idle" <<'END'
#!/bin/sh
trap 'exit 0' TERM
sleep 1000000 &
wait
END
chmod 755 "$root/bin/answer" "$root/bin/connect" "$root/bin/idle"

tar -C "$root" --owner=0 --group=0 -c . | docker import -c 'CMD ["idle"]' - "$tag" >/dev/null
