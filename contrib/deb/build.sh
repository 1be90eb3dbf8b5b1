#!/usr/bin/env bash
# Builds the Debian package: contrib/deb/build.sh [FOLDER]
#
# Into FOLDER, or dist/ in the checkout. The version is that of the commit; of the
# same commit and the same Go, every run makes the same bytes.
set -euo pipefail

cd "$(dirname "$0")/../.."
out="${1:-dist}"
mkdir -p "$out"
nfpm="github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.2"

STAGE="$(mktemp -d)"
trap 'rm -rf "$STAGE"' EXIT
ARCH="${GOARCH:-$(go env GOARCH)}"
SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
# A tag v1.2.3 is version 1.2.3; a commit behind it 1.2.3+5.gabcdef; without any
# tag 0~20261121.123456.gabcdef, which is before every version.
if tag="$(git describe --tags --match 'v[0-9]*' 2>/dev/null)"; then
	tag="${tag#v}"
	VERSION="${tag/-/+}"
	VERSION="${VERSION//-/.}"
else
	VERSION="0~$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d.%H%M%S).g$(git rev-parse --short=12 HEAD)"
fi
export STAGE ARCH VERSION SOURCE_DATE_EPOCH

CGO_ENABLED=0 GOARCH="$ARCH" go build -trimpath -buildvcs=true -o "$STAGE/reportmx" .
CGO_ENABLED=0 GOARCH="$(go env GOHOSTARCH)" go build -trimpath -buildvcs=true -o "$STAGE/host" . # can run here

# setting OPTION DEFAULT VALUE: gives the option that the example shows commented a value.
cp config.example.toml "$STAGE/config.toml"
setting() {
	if [[ "$(grep -c "^# $1 = \"$2\"\$" "$STAGE/config.toml")" != 1 ]]; then
		echo "config.example.toml has not exactly one line: # $1 = \"$2\"" >&2
		exit 1
	fi
	sed -i "s#^\# $1 = \"$2\"\$#$1 = \"$3\"#" "$STAGE/config.toml"
}
setting dir data /var/lib/reportmx
setting socket "" /run/reportmx/control.sock

"$STAGE/host" man config.example.toml "$STAGE"
gzip -9n "$STAGE/reportmx.8" "$STAGE/reportmx.toml.5"
for shell in bash fish zsh; do
	"$STAGE/host" completion "$shell" >"$STAGE/$shell"
done

GOARCH= go run "$nfpm" package --config contrib/deb/nfpm.yaml --packager deb --target "$out/reportmx_${VERSION}_$ARCH.deb" >&2
echo "$out/reportmx_${VERSION}_$ARCH.deb"
