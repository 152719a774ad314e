#!/usr/bin/env bash
# Installs the real peers that test/real runs against, cached outside the tree so that a second run takes a second:
#   debian   openssl, curl, a C compiler, nginx, tshark, a JDK, python3-gpg, swtpm, tpm2-tools,
#            chromium
#   keylime  Keylime 7.14.3 (verifier, registrar, tenant) in a virtual environment
#   spire    SPIRE 1.13.3 (server and agent), built from the Go module
#   node     Node 22, 24 and 26, as node22, node24 and node26: the npm packages that carry the binary
#   axe      axe-core, the accessibility engine, for the HTML that is written
# Prints the folder that holds bin/ as its last line. Usage: install.sh [debian] [keylime] [spire] [node] [axe]   (default: all)
set -euo pipefail

spire_version=1.13.3
keylime_version=7.14.3
axe_version=4.14.1
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${SPIRE_KEYLIME_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/spire-keylime/peers}"
bin="$cache/bin"
mkdir -p "$bin"

say() { printf '%s\n' "peers: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root; without a terminal sudo must not wait for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif ! command -v sudo >/dev/null; then die "root or sudo is needed for: $*"
  elif [ -t 0 ]; then sudo "$@"
  else sudo -n "$@"
  fi
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

install_debian() {
  local wanted=(openssl curl gcc libc6-dev nginx-light tshark python3 python3-gpg python3-venv swtpm tpm2-tools chromium)
  local missing=() package
  # The name of the JDK differs from release to release; any will do.
  command -v javac >/dev/null || wanted+=(default-jdk-headless)
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ "${#missing[@]}" = 0 ] && return
  command -v apt-get >/dev/null || die "these packages are missing and there is no apt-get: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

install_spire() {
  local stamp="$cache/spire-$spire_version.done" build="$cache/spire-$spire_version" source
  [ -e "$stamp" ] && [ -x "$bin/spire-server" ] && [ -x "$bin/spire-agent" ] && return
  command -v go >/dev/null || die "building SPIRE $spire_version needs Go on PATH"
  # SPIRE's SQLite needs cgo; without a compiler Go would leave it out silently and the server would not start.
  command -v "${CC:-gcc}" >/dev/null || die "building SPIRE $spire_version needs a C compiler: run with 'debian' first"
  say "building spire-server and spire-agent $spire_version (about 9 minutes when nothing is cached)"
  source="$(cd "$cache" && go mod download -json "github.com/spiffe/spire@v$spire_version" |
    sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')"
  [ -n "$source" ] || die "the Go module proxy did not serve github.com/spiffe/spire@v$spire_version"
  rm -rf "$build"
  cp -r "$source" "$build"
  chmod -R u+w "$build"
  # An interrupted build goes on where it stopped: what is compiled is in Go's own cache.
  (cd "$build" && CGO_ENABLED=1 go build -o "$bin/" ./cmd/spire-server ./cmd/spire-agent)
  rm -rf "$build"
  touch "$stamp"
}

install_keylime() {
  local venv="$cache/keylime-$keylime_version" requirements="$here/keylime-requirements.txt" name
  # The stamp is a copy of the requirements, so that a change of theirs installs anew.
  local stamp="$cache/keylime-$keylime_version.done"
  cmp -s "$requirements" "$stamp" && [ -x "$bin/keylime_verifier" ] && return
  # Debian's gpg module is built for Debian's Python, so the virtual environment uses that one.
  /usr/bin/python3 -c 'import gpg' 2>/dev/null || die "python3-gpg is missing: run with 'debian' first"
  say "installing Keylime $keylime_version into a virtual environment"
  rm -rf "$venv" "$stamp"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  link_gpg "$venv"
  for name in keylime_verifier keylime_registrar keylime_tenant; do
    ln -sf "$venv/bin/$name" "$bin/$name"
  done
  "$venv/bin/python" -c 'import gpg, keylime.web' >/dev/null 2>&1 || die "Keylime in $venv cannot be imported"
  cp "$requirements" "$stamp"
}

link_gpg() {
  local module site
  module="$(/usr/bin/python3 -c 'import gpg, os; print(os.path.dirname(gpg.__file__))')"
  site="$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  ln -sfn "$module" "$site/gpg"
}

install_node() {
  local major package folder
  package="node-linux-$(node -p process.arch)"
  for major in 22 24 26; do
    folder="$cache/node-$major"
    [ -x "$bin/node$major" ] && continue
    say "installing Node $major"
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && tar -xzf "$(npm pack --silent "$package@$major")")
    ln -sf "$folder/package/bin/node" "$bin/node$major"
  done
}

install_axe() {
  local folder="$cache/axe-$axe_version"
  [ -e "$folder/package/axe.min.js" ] && return
  say "installing axe-core $axe_version"
  rm -rf "$folder"
  mkdir -p "$folder"
  (cd "$folder" && tar -xzf "$(npm pack --silent "axe-core@$axe_version")")
}

[ "$#" -gt 0 ] || set -- debian keylime spire node axe
# Two runs at a time would write the same files.
exec 9>"$cache/.lock"
if command -v flock >/dev/null; then flock 9; fi
for peer in "$@"; do
  case "$peer" in
    debian) install_debian ;;
    keylime) install_keylime ;;
    spire) install_spire ;;
    node) install_node ;;
    axe) install_axe ;;
    *) die "unknown peer '$peer': choose among debian, keylime, spire, node, axe" ;;
  esac
done
say "ready in $cache"
printf '%s\n' "$cache"
