#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# linkage.sh FILE MEGABYTES - fails unless FILE is statically linked, free of Foundation, and not larger than that.
set -eu
file=$1 limit=$2
problems=0
complain() { echo "linkage: $file $1" >&2; problems=1; }

headers=$(readelf --program-headers --dynamic "$file" 2>/dev/null)
case $headers in *INTERP* | *NEEDED*) complain "is dynamically linked" ;; esac
size=$(stat -c %s "$file")
[ "$size" -le $((limit * 1000000)) ] || complain "has $size bytes, more than $limit MB"
# Names of types stay in a stripped binary: Swift's metadata needs them.
if grep -qE 'FoundationEssentials|FoundationInternationalization|NSObject|swift-corelibs-foundation' "$file"; then
    complain "contains Foundation"
fi
[ "$problems" = 0 ] || exit 1
echo "linkage: $file is static, free of Foundation, $size bytes"
