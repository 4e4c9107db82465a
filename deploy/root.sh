#!/bin/sh
# The image where no container engine runs: a Debian root with tagcast in it, and commands that run in it as in a container.
# As root:
#
#   deploy/root.sh build DIR                     debootstrap, then the steps of install.sh; Debian's own root stays in DIR.base
#   deploy/root.sh run DIR HOME PROJECT COMMAND  read-only but for HOME, PROJECT and /tmp, with no network but loopback, no
#                                                capability, and as the user tagcast
#
#   DEBIAN_MIRROR   default: http://deb.debian.org/debian
#   TAGCAST_LOCK    as install.sh has it
#   SECRETS         a folder for /run/secrets
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
user=10001

base() {
  [ -e "$1/.made" ] && return
  rm -rf "$1"
  debootstrap --variant=minbase bookworm "$1" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >/dev/null
  rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
  touch "$1/.made"
}

# What pip is set up with out here is lent in memory and in variables: nothing of it is in the root afterwards.
lend_pip() {
  lent=$1/run/lent
  mkdir -p "$lent/home/pip" "$lent/system/pip" "$lent/cache"
  for pair in "/etc/pip.conf:system" "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf:home"; do
    [ ! -f "${pair%:*}" ] || cp "${pair%:*}" "$lent/${pair##*:}/pip/pip.conf"
  done
  certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
  if [ -f "$certificates" ]; then
    cp "$certificates" "$lent/certificates"
    export PIP_CERT=/run/lent/certificates SSL_CERT_FILE=/run/lent/certificates
    unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_DIR # of out here, and would win
  fi
  cache=${UV_CACHE_DIR:-$HOME/.cache/uv}
  mkdir -p "$cache" && mount --bind "$cache" "$lent/cache"
  export UV_CACHE_DIR=/run/lent/cache XDG_CONFIG_HOME=/run/lent/home XDG_CONFIG_DIRS=/run/lent/system
}

build() {
  base "$1.base"
  rm -rf "$1"
  cp -a "$1.base" "$1"
  unshare --mount --propagation private "$0" _build "$1"
  : >"$1/etc/resolv.conf"
  rm -rf "$1/src" "$1/.made"
}

_build() {
  mkdir "$1/src"
  mount --bind "$source" "$1/src"
  mount -t proc proc "$1/proc"
  mount --rbind /dev "$1/dev"
  mount -t tmpfs tmpfs "$1/run"
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  lend_pip "$1"
  chroot "$1" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh /src/deploy/install.sh system build
}

run() {
  chown "$user:$user" "$2"
  exec unshare --mount --net --pid --fork --kill-child --propagation private "$0" _run "$@"
}

_run() {
  root=$1 home=$2 project=$3
  shift 3
  ip link set lo up
  mount --bind "$root" "$root"
  mount --bind "$home" "$root/var/lib/tagcast"
  mount --bind "$project" "$root/srv/project"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero urandom random; do
    touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir -m 1777 "$root/dev/shm"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs tmpfs "$root/run"
  if [ -n "${SECRETS:-}" ]; then
    mkdir "$root/run/secrets" && mount --bind "$SECRETS" "$root/run/secrets"
  fi
  mount -o remount,bind,ro "$root"
  # The environment of the image, and of this one what speaks of tagcast, MLflow or PostgreSQL.
  kept=$(env | sed -n 's/^\(\(TAGCAST\|MLFLOW\|PG\)_*[A-Z_]*\)=.*/\1/p' | grep -v -x -e TAGCAST_HOME -e TAGCAST_LOCK || true)
  set -- tagcast-entrypoint "$@"
  for name in $kept; do
    eval "set -- \"$name=\$$name\" \"\$@\""
  done
  exec chroot "$root" setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all \
    --inh-caps=-all env -i --chdir=/srv/project PATH=/opt/tagcast/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 \
    MPLCONFIGDIR=/tmp/matplotlib PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TAGCAST_HOME=/var/lib/tagcast "$@"
}

step=${1:-}
case $step in
  build | run | _build | _run)
    shift
    "$step" "$@"
    ;;
  *) echo "usage: $0 build DIR, or $0 run DIR HOME PROJECT COMMAND …" >&2; exit 2 ;;
esac
