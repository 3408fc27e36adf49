# SPDX-License-Identifier: Apache-2.0
# Sourced: what all ways of packing have in common. Needs $build, the directory of the release build.
# shellcheck shell=bash disable=SC2034
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(sed -nE 's/.*static let own = "(.*)"/\1/p' "$repository/Sources/CNI/Release.swift")
reference=$(sed -nE 's/.*static let reference = "(.*)"/\1/p' "$repository/Sources/CNI/Release.swift")
# The time that everything bears which is packed: that of the commit, so that packing again gives the same octets.
: "${SOURCE_DATE_EPOCH:=$(git -C "$repository" log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

die() {
    echo "$0: $*" >&2
    exit 1
}

[ -n "$version" ] || die "Sources/CNI/Release.swift tells no version"
for file in culvert-cni culvert culvert-dhcpd man/culvert.1 completions/culvert.bash; do
    [ -e "$build/$file" ] || die "there is no $build/$file: run make build man first"
done

# put MODE FILE PLACE - copies a file to a place.
put() { install -D -m "$1" "$2" "$3"; }

# put_links FILE DIRECTORY NAME... - one file under several names in a directory.
put_links() {
    local file=$1 directory=$2 name
    shift 2
    put 0755 "$file" "$directory/$1"
    for name in "${@:2}"; do ln "$directory/$1" "$directory/$name"; done
}

# settle DIRECTORY - makes all times in it the same.
settle() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }
