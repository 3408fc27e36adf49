#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unpack_peers.sh DIRECTORY - puts DPDK and Open vSwitch into DIRECTORY/root, and DPDK's tables for the benchmark into
# DIRECTORY/libdpdk.so. They are Debian's packages, unpacked and not installed: installed ones start daemons and load
# drivers. Packages that this machine has already are not downloaded.
set -eu -o pipefail
directory=$1
benchmarks=$(dirname "$(readlink -f "$0")")
root=$directory/root
libraries=$root/usr/lib/$(uname -m)-linux-gnu
wanted="libdpdk-dev dpdk dpdk-dev openvswitch-switch-dpdk"

if [ ! -e "$directory/unpacked" ]; then
    mkdir -p "$directory/packages" "$root"
    plan() { apt-get install -s --no-install-recommends $wanted | sed -nE 's/^Inst ([^ ]+) \(.*/\1/p'; }
    packages=$(plan 2>/dev/null) || { apt-get update -qq && packages=$(plan); }
    # A line "Inst NAME [VERSION]" would be an upgrade of what works as it is, and is not among them.
    (cd "$directory/packages" && apt-get download -qq -o APT::Sandbox::User=root $packages)
    for package in "$directory"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
    rm -r "$directory/packages"
    touch "$directory/unpacked"
fi
gcc -O3 -Wall -Wextra -Werror -march=native -shared -fPIC -include rte_config.h \
    -isystem "$root/usr/include/dpdk" -isystem "$root/usr/include/$(uname -m)-linux-gnu/dpdk" \
    -I"$benchmarks/ForwardingReference/include" "$benchmarks/DPDK/dpdk.c" -o "$directory/libdpdk.so" \
    -L"$libraries" -Wl,--allow-shlib-undefined,--no-as-needed -lrte_hash -lrte_fib -lrte_eal -lrte_mempool_ring
