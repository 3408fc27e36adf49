#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command on another kernel: user-mode Linux, which is a program like any other. It sees this machine's files,
# has no network but its own loopback, and whatever it changes is gone when it ends, except in DIRECTORY.
#
#     guest.sh DIRECTORY COMMAND [ARGUMENT...]
#
# DIRECTORY must be short, empty and the caller's own. There the guest leaves `output`, what the command printed, and
# `status`, its exit status; and the kernel `console`.
set -eu
MEMORY=768M
PATIENCE_SECONDS=${GUEST_SECONDS:-300}
MODULES="ipv6 bridge veth 8021q af_packet dummy macvlan ipvlan tun vrf"

# Process 1 of the guest: the root directory is the machine's, read-only, and so would be its /proc.
inside() {
    local shared=$1 release layers=/mnt
    release=$(uname -r)
    mount -t proc proc /proc
    mount -t tmpfs tmpfs "$layers"
    mkdir "$layers/upper" "$layers/work" "$layers/root"
    insmod "/usr/lib/uml/modules/$release/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
    umount /proc
    cd "$layers/root"
    mkdir -p .machine
    pivot_root . .machine
    cd /
    umount -l /.machine
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t tmpfs tmpfs /run
    mkdir -p "$shared" /lib/modules
    mount -t hostfs none "$shared" -o "$shared"
    ln -sfn "/usr/lib/uml/modules/$release" "/lib/modules/$release"
    for module in $MODULES; do modprobe -q "$module" || :; done
    ip link set lo up
    local status=0
    bash "$shared/command" </dev/null >"$shared/output" 2>&1 || status=$?
    echo "$status" >"$shared/status"
}

if [ $$ = 1 ]; then
    # Ends the guest, whatever happens: without process 1 the kernel would only complain.
    trap 'sync; echo o >/proc/sysrq-trigger; sleep 60' EXIT
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
    inside "$1"
    exit
fi

[ $# -ge 2 ] || { sed -n 's/^# \{0,1\}//p' "$0" | sed 1d >&2; exit 2; }
shared=$(cd "$1" && pwd -P)
shift
{ printf 'cd %q\n' "$PWD"; printf 'exec'; printf ' %q' "$@"; echo; } >"$shared/command"
rm -f "$shared/status"
# What follows -- goes to process 1.
TMPDIR=${GUEST_MEMORY:-$shared} timeout --kill-after=5 "$PATIENCE_SECONDS" linux.uml mem=$MEMORY uml_dir="$shared/" \
    root=/dev/root rootfstype=hostfs rootflags=/ ro quiet loglevel=3 con=null con0=null,fd:1 \
    init="$(readlink -f "$0")" -- "$shared" </dev/null >"$shared/console" 2>&1 || :
[ -s "$shared/status" ] || { echo "the guest died:" >&2; tail -n 20 "$shared/console" >&2; exit 125; }
exit "$(cat "$shared/status")"
