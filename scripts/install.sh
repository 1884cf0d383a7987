#!/usr/bin/env bash
# Installs what building and running need; with --tests also what the tests need, with --full also
# what `make test-full` needs. Does nothing when all is there. Without root it prints the one line
# to run.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  '') kinds='build' ;;
  --tests) kinds='build|test' ;;
  --full) kinds='build|test|full' ;;
  *) echo "usage: install.sh [--tests | --full]" >&2; exit 2 ;;
esac

missing_packages() {
  local installed kind package provider
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n')
  while read -r kind package provider; do
    [[ $kind =~ ^($kinds)$ ]] || continue
    grep -qxF "installed $package" <<<"$installed" && continue
    [[ -n $provider ]] && command -v "${provider#command=}" >/dev/null && continue
    echo "$package"
  done <scripts/packages.txt
}

install_packages() {
  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
      echo "install.sh: packages are missing, and this is not root. Run once:" >&2
      echo "  sudo apt-get install -y --no-install-recommends $*" >&2
      exit 1
    fi
    as_root=(sudo -n)
  fi
  echo "installing $*"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@"
}

# The copy of the lock is made last: it tells a whole installation from a broken one.
install_readers() {
  local lock=tests/readers/package-lock.json stamp=tests/readers/node_modules/.installed
  cmp -s "$lock" "$stamp" && return
  echo "installing the readers of tests/readers"
  npm ci --prefix tests/readers --no-audit --no-fund --no-progress
  cp "$lock" "$stamp"
}

if ! command -v dpkg-query >/dev/null; then
  echo "install.sh: no Debian packages here: install what scripts/packages.txt lists" >&2
  exit 1
fi
listed=$(missing_packages)
mapfile -t missing <<<"$listed"
if [[ -n $listed ]]; then install_packages "${missing[@]}"; fi
if [[ $kinds == *test* ]]; then install_readers; fi
