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
for file in culvert-cni culvert culvert-dhcpd culvert-switchd; do
    [ -e "$build/$file" ] || die "there is no $build/$file: run make build man first"
done

# section FILE NAME - where a section is in a file, and its length; nothing when there is none.
section() {
    readelf --section-headers --wide "$1" | sed -n "s/^ *\[ *[0-9]*\] $2 *[A-Z]* *[0-9a-f]* \([0-9a-f]*\) \([0-9a-f]*\) .*/\1 \2/p"
}

# overwrite FILE NAME - puts standard input in place of a section's beginning.
overwrite() {
    local place
    read -r place _ <<<"$(section "$1" "$2")"
    dd of="$1" bs=1 seek=$((16#$place)) conv=notrunc status=none
}

# program FILE PLACE - copies a program, without what depends on the directory that it was built in: that is a digest of
# its compiler's for each object file (.swift_modhash), which nobody reads any more, and what the linker makes of these.
# A build in another directory then gives the same octets. The build's identity is made anew, of the whole content.
program() {
    local name length
    put 0755 "$1" "$2"
    for name in .swift_modhash .note.gnu.build-id; do
        read -r _ length <<<"$(section "$2" "$name")"
        [ -n "$length" ] || continue
        # Before the identity's own octets there are 16 that say what they are.
        if [ "$name" = .swift_modhash ]; then
            head -c $((16#$length)) /dev/zero | overwrite "$2" "$name"
        else
            identify "$2" "$name" </dev/zero
            identify "$2" "$name" < <(sha1sum "$2" | cut -c1-40 | sed 's/../\\x&/g' | xargs -0 printf '%b')
        fi
    done
}

# identify FILE NAME - puts 20 octets of standard input behind the 16 that begin a note.
identify() {
    local place
    read -r place _ <<<"$(section "$1" "$2")"
    head -c 20 | dd of="$1" bs=1 seek=$((16#$place + 16)) conv=notrunc status=none
}

# put MODE FILE PLACE - copies a file to a place.
put() { install -D -m "$1" "$2" "$3"; }

# put_links FILE DIRECTORY NAME... - one program under several names in a directory.
put_links() {
    local file=$1 directory=$2 name
    shift 2
    program "$file" "$directory/$1"
    for name in "${@:2}"; do ln "$directory/$1" "$directory/$name"; done
}

# settle DIRECTORY - makes all times in it the same.
settle() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }
