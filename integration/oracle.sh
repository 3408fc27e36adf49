#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the original cnitool from Debian's source package into .build/oracle/cnitool and prints that path.
# Installs nothing and leaves the machine's package sources and lists alone: it works on copies of both.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
oracle=$repository/.build/oracle
package=golang-github-appc-cni
if [ -x "$oracle/cnitool" ]; then
    echo "$oracle/cnitool"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$oracle" "$work/parts" "$work/lists/partial" "$work/source" "$work/go"
sed 's/^Types:.*/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources > "$work/parts/debian.sources"
apt=(apt-get -qq
    -o "Dir::Etc::sourceparts=$work/parts" -o Dir::Etc::sourcelist=/dev/null
    -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
{
    "${apt[@]}" update
    (cd "$work/source" && "${apt[@]}" source --download-only "$package")
    tree=$work/go/src/github.com/containernetworking/cni
    mkdir -p "$tree"
    tar -xJf "$work/source/${package}"_*.orig.tar.xz -C "$tree" --strip-components=1
    cd "$tree"
    GO111MODULE=off GOPROXY=off GOFLAGS= GOPATH=$work/go GOCACHE=$work/cache go build -o "$work/cnitool" ./cnitool
} >&2
mv "$work/cnitool" "$oracle/cnitool"
echo "$oracle/cnitool"
