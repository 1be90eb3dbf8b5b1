#!/usr/bin/env bash
# Installs, upgrades, removes and purges the package in a Debian of its own:
# contrib/deb/test.sh [ROOT.tar], as root.
#
# ROOT.tar is what "mmdebstrap --variant=minbase --include=systemd bookworm ROOT.tar"
# makes; without it, that is done here. Nothing is started: systemd/boot.sh does.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

cd "$(dirname "$0")/../.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

step "packages"
deb="$(contrib/deb/build.sh "$scratch")"
dpkg-deb -R "$deb" "$scratch/next"
sed -i 's/^Version: .*/&.next/' "$scratch/next/DEBIAN/control"
echo "# a new word of the next version" >>"$scratch/next/etc/reportmx/config.toml"
dpkg-deb --root-owner-group -b "$scratch/next" "$scratch/next.deb" >/dev/null

step "the same bytes from another folder"
if [[ -n "$(git status --porcelain)" ]]; then
	echo "not compared: the checkout has changes"
else
	git clone -q . "$scratch/elsewhere"
	again="$(cd "$scratch/elsewhere" && contrib/deb/build.sh ../again)"
	cmp "$deb" "$scratch/elsewhere/$again" || fail "the package is not the same when it is built elsewhere"
	sha256sum "$deb"
fi

step "root"
if [[ $# -lt 1 ]]; then
	mmdebstrap --quiet --variant=minbase --include=systemd bookworm "$scratch/root.tar"
fi
root="$scratch/root"
mkdir "$root"
tar -xf "${1:-$scratch/root.tar}" -C "$root"
inside() { chroot "$root" "$@"; }
# What is there, but for dpkg's own notes, caches, and the user, who stays.
files() { (cd "$root" && find . -xdev -not -path './run/*' -not -path './var/lib/dpkg/*' -not -path './var/cache/*' -not -path './var/log/*' \
	-not -regex './etc/\(passwd\|group\|shadow\|gshadow\|\.pwd.lock\)-?' | sort); }
files >"$scratch/before"
cp "$deb" "$root/this.deb"
cp "$scratch/next.deb" "$root/next.deb"
cp testdata/report.eml "$root/report.eml"

step "install"
inside dpkg -i /this.deb
inside reportmx version
inside reportmx config check
inside id reportmx
inside systemctl is-enabled reportmx.socket reportmx.service
inside systemd-analyze verify --man=no reportmx.service reportmx.socket reportmx-export.service reportmx-export.timer
inside bash -n /usr/share/bash-completion/completions/reportmx
[[ "$(stat -c %a "$root/etc/reportmx/tls")" == 700 ]] || fail "the folder of the key is open to others"

step "upgrade: data and a changed configuration stay"
install -d -m 750 "$root/var/lib/reportmx" # as systemd makes it
inside chown reportmx: /var/lib/reportmx
inside setpriv --reuid=reportmx --regid=reportmx --clear-groups reportmx import /report.eml
sed -i 's/^domain = "reports.example.net"/domain = "dmarc.example.org"/' "$root/etc/reportmx/config.toml"
inside dpkg --force-confold -i /next.deb
grep -q '^domain = "dmarc.example.org"' "$root/etc/reportmx/config.toml" || fail "the configuration was overwritten"
inside reportmx export aggregate --format ndjson | grep -c '"report_id"' | grep -qx 1 || fail "the report is gone"

step "remove: data and configuration stay"
inside dpkg -r reportmx
[[ ! -e "$root/usr/bin/reportmx" ]] || fail "the program is still there"
[[ -s "$root/var/lib/reportmx/reports.db" && -s "$root/etc/reportmx/config.toml" ]] || fail "removing took data"

step "purge: nothing stays"
inside dpkg -P reportmx </dev/null
rm "$root/this.deb" "$root/next.deb" "$root/report.eml"
files | diff "$scratch/before" - || fail "purging left or took something"
echo "all fine"
