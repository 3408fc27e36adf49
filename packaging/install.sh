#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs Culvert from this directory, on any Linux with a shell.
set -eu

usage() {
    cat <<EOF
install.sh [--prefix DIRECTORY] [--cni-bin-dir DIRECTORY] [--plugins-only | --tools-only]
install.sh --uninstall [--prefix DIRECTORY] [--cni-bin-dir DIRECTORY]

Puts the plugins into /opt/cni/bin, or where --cni-bin-dir says, and the tools, their manual pages and completions
below /usr/local, or where --prefix says. DESTDIR in the environment comes before both.

Plugins of the same names that are there are kept, and --uninstall gives them back. Running containers stay as they are.
EOF
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

prefix=/usr/local plugins=/opt/cni/bin wants_plugins=1 wants_tools=1 uninstall=
while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --cni-bin-dir) [ $# -ge 2 ] || fail "$1 needs a directory" ;;
    esac
    case $1 in
    --prefix) prefix=$2 && shift ;;
    --cni-bin-dir) plugins=$2 && shift ;;
    --plugins-only) wants_tools= ;;
    --tools-only) wants_plugins= ;;
    --uninstall) uninstall=1 ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 64 ;;
    esac
    shift
done
cd "$(dirname "$0")"
prefix=${DESTDIR:-}$prefix plugins=${DESTDIR:-}$plugins
files=$(cd share && find . -type f | sed 's|^\./|share/|')

if [ -n "$uninstall" ]; then
    # The tools go last: they give the plugins' names back.
    [ -z "$wants_plugins" ] || [ ! -d "$plugins" ] || bin/culvert uninstall --cni-bin-dir "$plugins"
    if [ -n "$wants_tools" ]; then
        for file in bin/culvert bin/cnitool bin/ipam bin/culvert-switchd $files; do rm -f "$prefix/$file"; done
    fi
    exit
fi

if command -v sha256sum >/dev/null; then
    sha256sum -c SHA256SUMS >/dev/null 2>&1 || fail "files here are not what was packed: unpack the tarball again"
fi

if [ -n "$wants_plugins" ]; then
    mkdir -p "$plugins"
    bin/culvert install --from cni --cni-bin-dir "$plugins"
fi

# place MODE FILE - puts a file below the prefix; who uses the old one meanwhile keeps it.
place() {
    mkdir -p "$(dirname "$prefix/$2")"
    cp "$2" "$prefix/$2.new"
    chmod "$1" "$prefix/$2.new"
    mv -f "$prefix/$2.new" "$prefix/$2"
}

if [ -n "$wants_tools" ]; then
    place 0755 bin/culvert
    place 0755 bin/culvert-switchd
    for name in cnitool ipam; do
        ln -f "$prefix/bin/culvert" "$prefix/bin/$name.new"
        # Of two names of one file mv may leave both.
        mv -f "$prefix/bin/$name.new" "$prefix/bin/$name"
        rm -f "$prefix/bin/$name.new"
    done
    for file in $files; do place 0644 "$file"; done
    echo "$prefix: tools installed"
fi
