#!/usr/bin/env bash
# Installs the real peers that test/real runs against, cached outside the tree so that a second run takes seconds:
#   SPIRE 1.13.3 (server and agent, built from the Go module), Keylime 7.14.3 (verifier, registrar, tenant, in a
#   virtual environment), and Debian's openssl, curl, nginx, tshark, python3-gpg, swtpm, tpm2-tools and a JRE.
# Prints the folder that holds bin/ as its last line. Usage: install.sh [spire] [keylime] [debian]   (default: all)
set -euo pipefail

spire_version=1.13.3
keylime_version=7.14.3
cache="${SPIRE_KEYLIME_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/spire-keylime/peers}"
bin="$cache/bin"
mkdir -p "$bin"

say() { printf '%s\n' "peers: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root where packages are installed; a bare machine of CI is root already.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install_debian() {
  local wanted=(openssl curl nginx-light tshark python3-gpg python3-venv swtpm tpm2-tools) missing=() package
  for package in "${wanted[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" = 0 ] && return
  command -v apt-get >/dev/null || die "these packages are missing and there is no apt-get: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

install_spire() {
  local stamp="$cache/spire-$spire_version.done" source build
  [ -e "$stamp" ] && return
  command -v go >/dev/null || die "building SPIRE $spire_version needs Go on PATH"
  say "building spire-server and spire-agent $spire_version (about 9 minutes when nothing is cached)"
  build="$cache/spire-$spire_version"
  source="$(cd "$cache" && go mod download -json "github.com/spiffe/spire@v$spire_version" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')"
  [ -n "$source" ] || die "the Go module proxy did not serve github.com/spiffe/spire@v$spire_version"
  rm -rf "$build"
  cp -r "$source" "$build"
  chmod -R u+w "$build"
  (cd "$build" && go build -o "$bin/" ./cmd/spire-server ./cmd/spire-agent)
  touch "$stamp"
}

install_keylime() {
  local stamp="$cache/keylime-$keylime_version.done" venv="$cache/keylime-$keylime_version" name python
  [ -e "$stamp" ] && return
  # Debian's gpg module is built for Debian's Python, so the virtual environment uses that one.
  python=/usr/bin/python3
  "$python" -c 'import gpg' 2>/dev/null || die "python3-gpg is missing: run with 'debian' first"
  say "installing Keylime $keylime_version into a virtual environment"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "keylime==$keylime_version" \
    cryptography tornado pyzmq pyyaml requests 'sqlalchemy>=2.0.39' alembic packaging psutil lark \
    pyasn1 pyasn1-modules jinja2 jsonschema >&2
  "$python" - "$venv" <<'PY'
import glob, gpg, os, sys
site = glob.glob(os.path.join(sys.argv[1], "lib/python3*/site-packages"))[0]
target = os.path.join(site, "gpg")
if not os.path.exists(target):
    os.symlink(os.path.dirname(gpg.__file__), target)
PY
  for name in keylime_verifier keylime_registrar keylime_tenant; do ln -sf "$venv/bin/$name" "$bin/$name"; done
  touch "$stamp"
}

[ "$#" -gt 0 ] || set -- debian keylime spire
for peer in "$@"; do
  case "$peer" in
    debian) install_debian ;;
    keylime) install_keylime ;;
    spire) install_spire ;;
    *) die "unknown peer '$peer': choose among debian, keylime, spire" ;;
  esac
done
say "ready in $cache"
printf '%s\n' "$cache"
