#!/usr/bin/env bash
# Fuzzes every target of the module, or those that are named, each for so long, two at
# a time with one worker each, and writes what came of it to docs/runs/fuzz.txt:
#
#	internal/faults/fuzz.sh [-t 10m] [-o FILE] [FuzzTarget…]
#
# All is built before the first begins. Inputs that reach new code stay in Go's cache
# ("go clean -fuzzcache" throws them away) and are where the next run begins. What
# fails is left in testdata/fuzz of its package: give it a name, fix it, commit both.
set -euo pipefail

cd "$(dirname "$0")/../.."
time=10m out=docs/runs/fuzz.txt given="$*"
while getopts t:o: flag; do
	case $flag in
	t) time=$OPTARG ;;
	o) out=$OPTARG ;;
	*) exit 64 ;;
	esac
done
shift $((OPTIND - 1))
begun=$SECONDS
head="command: internal/faults/fuzz.sh${given:+ $given}
date:    $(date -u +%FT%TZ)
commit:  $(git describe --always --dirty --abbrev=12)
machine: $(nproc) cores, $(uname -sr), $(go version | cut -d' ' -f3)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# targets prints "package Target" lines: all, or those that are named.
targets() {
	grep -rn --include='*_test.go' -oP '^func \KFuzz\w+' . | sed -E 's|^\./(.*)/[^/]+:[0-9]+:|\1 |' | sort |
		if (($#)); then grep -E " ($(IFS='|' && echo "$*"))\$"; else cat; fi
}

# fuzz runs one target and leaves a line about it in $work.
fuzz() {
	local package=$1 target=$2 log="$work/$2.log" state=none
	(cd "$package" && "$work/${package//\//-}.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
		-test.fuzzminimizetime 10x -test.parallel 1 -test.timeout 0 \
		-test.fuzzcachedir "$(go env GOCACHE)/fuzz/reportmx/$package") >"$log" 2>&1 || state=FAILED
	if grep -q 'Failing input written to' "$log"; then
		state=FOUND
	elif grep -q '^ *context deadline exceeded$' "$log"; then
		state=none # Go says so when the time is up while a worker is busy: golang/go#75804
	fi
	local last
	last=$(grep -P '^fuzz: elapsed: .* execs: ' "$log" | tail -1) || last=,
	printf '%-20s %-18s %8s %12s %8s %8s  %s\n' "$package" "$target" \
		"$(sed -E 's/.*elapsed: ([^,]*),.*/\1/' <<<"$last")" "$(sed -E 's/.*execs: ([0-9]+).*/\1/' <<<"$last")" \
		"$(sed -nE 's/.*new interesting: ([0-9]+).*/\1/p' <<<"$last")" "$(sed -nE 's/.*total: ([0-9]+).*/\1/p' <<<"$last")" "$state" >"$work/$target.line"
	cat "$work/$target.line"
	[[ $state == none ]] || sed 's/^/    /' <(grep -v '^fuzz: elapsed' "$log" | head -40) | tee "$work/$target.finding"
}
export -f fuzz
export work time

targets "$@" >"$work/targets"
[[ -s $work/targets ]] || { echo "no such target" >&2; exit 64; }
cut -d' ' -f1 "$work/targets" | sort -u | while read -r package; do
	go test -c -fuzz . -o "$work/${package//\//-}.test" "./$package"
done
xargs -P 2 -L 1 bash -c 'fuzz "$@"' fuzz <"$work/targets"

mkdir -p "$(dirname "$out")"
{
	echo "$head"
	echo "took:    $((SECONDS - begun)) s, each target $time with one worker, two at a time"
	echo
	printf '%-20s %-18s %8s %12s %8s %8s  %s\n' package target time execs new corpus findings
	cat "$work"/*.line | sort
	cat "$work"/*.finding 2>/dev/null || true
} >"$out"
! grep -q -E ' (FOUND|FAILED)$' "$out"
