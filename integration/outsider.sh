#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# outsider.sh - compiles the program on the page FirstSwitch of Forwarding against the modules that `swift build` left,
# as one of another package would be, and runs it: what is not public is not there for it.
set -eu
modules=.build/debug/Modules
test -d $modules || { echo "nothing to compile against: run swift build first"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^```swift$/,/^```$/{/^```/!p}' Sources/Forwarding/Forwarding.docc/FirstSwitch.md > "$work/main.swift"
test -s "$work/main.swift" || { echo "the page has no program"; exit 1; }
swiftc -swift-version 6 -warnings-as-errors -enable-upcoming-feature MemberImportVisibility -module-name outsider \
    -package-name outsider -I $modules -Xcc -fmodule-map-file=.build/debug/CPrefetch.build/module.modulemap \
    -Xcc -ISources/CPrefetch/include -o "$work/outsider" "$work/main.swift" \
    .build/debug/Forwarding.build/*.o .build/debug/Addressing.build/*.o
"$work/outsider"
