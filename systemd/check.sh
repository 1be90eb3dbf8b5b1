#!/usr/bin/env bash
# Verifies the units, and prints how exposed the services are by the measure of
# systemd-analyze(1): 0 is best, 10 worst. Fails above what we promise.
#
#	systemd/check.sh [PROGRAM]    PROGRAM stands in for /usr/bin/reportmx
set -euo pipefail
export LC_ALL=C SYSTEMD_PAGER= SYSTEMD_LOG_COLOR=0

units="$(cd "$(dirname "$0")" && pwd)"
program="$(realpath "${1:-/bin/true}")"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

cp "$units"/*.service "$units"/*.socket "$units"/*.timer "$scratch"
sed -i "s#^\(Exec[A-Za-z]*=\)/usr/bin/reportmx#\1$program#" "$scratch"/*.service

said="$(cd "$scratch" && systemd-analyze verify --man=no ./*.socket ./*.service ./*.timer 2>&1)" || true
said="$(grep -F -e reportmx <<<"$said" || true)" # not what it says of the host's own units
if [[ -n "$said" ]]; then
	printf 'systemd-analyze verify complains:\n%s\n' "$said" >&2
	exit 1
fi
echo "systemd-analyze verify: nothing to complain of in $(cd "$scratch" && echo reportmx*)"

failed=0
# exposure WHAT UNIT MOST, the last in tenths
exposure() {
	local said figure
	said="$(systemd-analyze security --offline=true "$2")" || true
	figure="$(sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p' <<<"$said")"
	printf 'exposure %-42s %s (at most %s.%s)\n' "$1" "$figure" $(($3 / 10)) $(($3 % 10))
	if [[ -z "$figure" ]] || ((10#${figure/./} > $3)); then
		grep '^✗' <<<"$said" >&2 || echo "$said" >&2
		failed=1
	fi
}
exposure "reportmx.service as shipped" "$scratch/reportmx.service" 13
exposure "reportmx-export.service as shipped" "$scratch/reportmx-export.service" 13
mkdir "$scratch/reportmx.service.d"
cp "$units/reportmx.service.d/local-resolver.conf" "$scratch/reportmx.service.d"
exposure "reportmx.service with local-resolver.conf" "$scratch/reportmx.service" 9
exit "$failed"
