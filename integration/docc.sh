#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docc.sh DIRECTORY - builds the pages of all modules with DocC into DIRECTORY, one archive each, from the modules that
# `swift build` left. Links are not judged here: the compiler (6.3.1) leaves some declarations out of what it tells DocC,
# and DocC knows nothing of other modules. test_docs.py looks whether links in pages lead to a declaration.
set -eu
target=$1
modules=.build/debug/Modules
test -d $modules || { echo "nothing to describe: run swift build first"; exit 1; }
symbols=$(mktemp -d)
trap 'rm -rf "$symbols"' EXIT
mkdir -p "$target"
machine=$(swiftc -print-target-info | sed -nE 's|^ *"unversionedTriple": "(.*)",|\1|p')
# What the modules import from C, as the package manager passes it.
imports=()
for map in Sources/C*/module.modulemap .build/debug/{CLinux,CPrefetch}.build/module.modulemap \
    .build/checkouts/swift-system/Sources/CSystem/include/module.modulemap; do
    if test -f "$map"; then imports+=(-Xcc "-fmodule-map-file=$map"); fi
done
for word in $(pkg-config --cflags libnl-3.0 jansson sqlite3) -ISources/CLinux/include -ISources/CPrefetch/include; do
    imports+=(-Xcc "$word")
done
for catalogue in Sources/*/*.docc; do
    module=$(basename "$catalogue" .docc)
    mkdir "$symbols/$module"
    swift symbolgraph-extract -module-name "$module" -I $modules -target "$machine" -minimum-access-level package \
        -output-dir "$symbols/$module" "${imports[@]}"
    docc convert "$catalogue" --fallback-display-name "$module" --fallback-bundle-identifier "culvert.$module" \
        --additional-symbol-graph-dir "$symbols/$module" --output-dir "$target/$module.doccarchive" --diagnostic-level error
    echo "$target/$module.doccarchive"
done
