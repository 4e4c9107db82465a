#!/bin/sh
# What a container starts with: secrets become variables, kernels find their machine code, then the command runs in its place.
set -eu
umask 077

# A file whose name is that of a variable holds its value, as Compose and Kubernetes mount secrets. A variable that is set wins.
for file in "${TAGCAST_SECRETS_DIR:-/run/secrets}"/*; do
  name=${file##*/}
  case $name in '' | [!A-Z]* | *[!A-Z0-9_]*) continue ;; esac
  [ -f "$file" ] || continue
  eval "[ -n \"\${$name+set}\" ]" || export "$name=$(cat "$file")"
done

# Numba uses only folders that it may write, and runs what it finds there: each container has a copy that is its own.
if [ -z "${NUMBA_CACHE_DIR:-}" ]; then
  NUMBA_CACHE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/numba.XXXXXX")
  export NUMBA_CACHE_DIR
  cp -R "$(dirname "$0")/../share/numba/." "$NUMBA_CACHE_DIR"
fi

exec "$@"
