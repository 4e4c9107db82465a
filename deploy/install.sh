#!/bin/sh
# The recipe of the image, a step a call. deploy/Dockerfile calls it, and so can whoever has Debian 12 and no container engine:
#
#   deploy/install.sh system build        installs into /opt/tagcast, to be run by the user tagcast
#
# Packages come from wherever pip and apt are set up to find them, and only those whose digests are in the lock are taken.
#
#   TAGCAST_LOCK     what is installed, under deploy/: image.lock, console.lock or job.lock; default: image.lock
#   TAGCAST_PREFIX   where to; default: /opt/tagcast
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
lock=$source/deploy/${TAGCAST_LOCK:-image.lock}
prefix=${TAGCAST_PREFIX:-/opt/tagcast}
# Numba and Python compare the times of files, and layers of an image keep whole seconds alone.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600}
export SOURCE_DATE_EPOCH DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

packages() {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  rm -rf /var/lib/apt/lists/*
}

# What runs it: Python, OpenMP for LightGBM, and a user whose home is the home of tagcast.
system() {
  packages ca-certificates libgomp1 python3
  getent passwd tagcast >/dev/null ||
    useradd --uid 10001 --user-group --home-dir /var/lib/tagcast --no-create-home --shell /usr/sbin/nologin tagcast
  # Volumes that are made over them have their owner and mode.
  install -d -m 0700 -o tagcast -g tagcast /var/lib/tagcast /var/lib/mlflow
  install -d -m 0755 -o tagcast -g tagcast /srv/project
}

# uv is quicker than pip by minutes, but does not read what pip is set up with.
as_pip_is() { # variable of uv, variable of pip, key of pip
  eval "value=\${$1:-\${$2:-}}"
  # shellcheck disable=SC2154 # set by eval
  [ -n "$value" ] || value=$("$work/tools/bin/pip" config get "global.$3" 2>/dev/null || true)
  [ -z "$value" ] || export "$1=$value"
}

# The environment, without pip or anything else that only builds it; modules and kernels are compiled.
build() {
  packages python3-venv
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/source"
  for part in pyproject.toml README.md LICENSE tagcast.toml tagcast features models registry serving pipelines; do
    cp -R "$source/$part" "$work/source/"
  done
  python3 -m venv "$work/tools"
  pip="$work/tools/bin/pip -qq"
  uv="$work/tools/bin/uv --quiet pip"
  $pip install --require-hashes --requirement "$source/deploy/build.lock"
  $pip wheel --no-index --no-deps --no-build-isolation --wheel-dir "$work" "$work/source"
  as_pip_is UV_DEFAULT_INDEX PIP_INDEX_URL index-url
  as_pip_is UV_INDEX PIP_EXTRA_INDEX_URL extra-index-url
  as_pip_is SSL_CERT_FILE PIP_CERT cert
  python3 -m venv --without-pip "$prefix"
  $uv sync --python "$prefix/bin/python" --link-mode copy --require-hashes "$lock"
  $uv install --python "$prefix/bin/python" --link-mode copy --no-deps --offline "$work"/tagcast-*.whl
  install -D -m 0755 "$source/deploy/entrypoint.sh" "$prefix/bin/tagcast-entrypoint"
  find "$prefix" -type d \( -name tests -o -name __pycache__ \) -path '*/site-packages/*' -prune -exec rm -rf {} +
  find "$prefix" -name '*.py' -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  "$prefix/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$prefix/lib" || true
  mkdir -p "$prefix/share/numba"
  NUMBA_CACHE_DIR=$prefix/share/numba "$prefix/bin/python" -W ignore -m tagcast.models.kernels.precompiled
  chmod -R go+rX,go-w "$prefix"
}

[ $# -gt 0 ] || { echo "usage: $0 system|build …" >&2; exit 2; }
for step in "$@"; do
  case $step in
    system | build) "$step" ;;
    *) echo "no step $step: system or build" >&2; exit 2 ;;
  esac
done
