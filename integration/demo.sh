#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh [DIRECTORY] - joins two containers to a network with the binaries in DIRECTORY (.build/release), looks at
# what came of it, and takes it apart again. Its host is a network namespace of its own with private /run and
# /var/lib: nothing of it touches this machine, and all of it is gone when this ends. Needs root.
set -u
repository=$(cd "$(dirname "$0")/.." && pwd)
network=culvert bridge=culvert0 ifname=eth0
work=/run/culvert-demo records=/run/culvert/attachments
leases=/var/lib/cni/networks/$network results=/var/lib/cni/results
a=brook b=rill
declare -A address4 address6 port id; gateways=()
PATH=$PATH:/usr/sbin:/sbin
unset CULVERT_RUN_DIR CULVERT_LOCK_TIMEOUT CNI_ARGS CAP_ARGS

# --- words on the terminal
bold='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]*8*) h=─ v=│ nw=┌ ne=┐ sw=└ se=┘ down=┬ up=┴ tick='✓' ;;
    *) h=- v='|' nw=+ ne=+ sw=+ se=+ down=+ up=+ tick=ok ;;
esac

heading() { printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"; }
say() { printf '%s\n' "$@" | sed 's/^./  &/'; }
good() { printf '  %s%s%s %s\n' "$green" "$tick" "$plain" "$1"; }
line() { local i; for ((i = 0; i < $1; i++)); do printf '%s' "$h"; done; }

# fail STEP [FILE...]: says which step failed, and what the program said about it.
fail() {
    printf '\n%sdemo: failed: %s%s\n' "$red" "$1" "$plain" >&2
    [ $# -eq 1 ] || cat "${@:2}" | sed 's/^/  /' >&2
    exit 1
}

# step NAME COMMAND...: runs a command that has to succeed; what it prints is in $work/out and $work/err.
step() { "${@:2}" >"$work/out" 2>"$work/err" || fail "$1" "$work/out" "$work/err"; }

# expect WHAT WANTED FOUND
expect() { [ "$2" = "$3" ] || fail "$1" <(printf 'expected: %s\nfound: %s\n' "${2:-nothing}" "${3:-nothing}"); }

# --- what the kernel and the file system say at this moment
inside() { ip netns exec "$@"; }
joined() { paste -s -d ' '; }
mac() { "${@:2}" ip -o link show dev "$1" | sed -nE 's|.*link/ether ([0-9a-f:]+).*|\1|p'; }
addresses() { "${@:2}" ip -o address show dev "$1" scope global | awk '{ print $4 }' | joined; }
ports() { "$@" ip -o link show type veth | sed -nE 's/^[0-9]+: ([^@:]+).*/\1/p' | sort | joined; }
files() { find "$@" -printf '%f\n' | sort | joined; }
leased() { files "$leases" -type f ! -name lock ! -name 'last_reserved_ip.*'; }
recorded() { files "$records" -type f; }

# --- a host of its own
is_private() { [ -e "/proc/$PPID/ns/$1" ] && ! [ "/proc/$$/ns/$1" -ef "/proc/$PPID/ns/$1" ]; }
enter_own_host() {
    [ "$EUID" = 0 ] || fail 'this needs root, because it makes network namespaces'
    if [ -z "${CULVERT_DEMO_INSIDE:-}" ] && ! { is_private net && is_private mnt; }; then
        CULVERT_DEMO_INSIDE=1 exec unshare --mount --net --propagation private bash "$0" "$@"
    fi
}

clean_up() {
    local one
    for one in "$a" "$b"; do [ ! -e "/run/netns/$one" ] || ip netns del "$one"; done
    umount -l /var/lib /run 2>/dev/null
}

prepare() {
    local release=${1:-$repository/.build/release} program
    for program in culvert-cni culvert; do
        [ -x "$release/$program" ] || fail "find $release/$program (make build makes it)"
    done
    mount -t tmpfs demo /run || fail 'mount a private /run'
    trap clean_up EXIT && trap 'exit 130' INT TERM
    mkdir -p "$work/net.d" "$work/bin"
    step 'copy conf/' cp -t "$work/net.d" "$repository"/conf/*.conflist
    step 'install the plugins' "$repository/integration/install-links" "$release/culvert-cni" "$work/bin" \
        bridge host-local loopback
    step 'install cnitool' "$repository/integration/install-links" "$release/culvert" "$work/bin" cnitool
    # Over /var/lib, because /var/lib/cni need not be there and must not be left there.
    step 'mount a private /var/lib' mount -t tmpfs demo /var/lib
    step 'bring lo up' ip link set lo up
    export CNI_PATH=$work/bin NETCONFPATH=$work/net.d CNI_IFNAME=$ifname
}

# --- the story
# cnitool VERB CONTAINER
cnitool() { step "${1^^} of $2" "$work/bin/cnitool" "$1" "$network" "/run/netns/$2"; }

add() {
    local one=$1 begin took found
    step "make network namespace $one" ip netns add "$one"
    begin=${EPOCHREALTIME/[.,]/}
    cnitool add "$one"
    took=$((${EPOCHREALTIME/[.,]/} - begin))
    found=$(sed -nE 's|.*"address": "([^"]+)".*|\1|p' "$work/out" | joined)
    port[$one]=$(sed -nE 's|.*"name": "(veth[^"]+)".*|\1|p' "$work/out")
    expect "addresses of $one are in the kernel as in the result" "$found" "$(addresses $ifname inside "$one")"
    read -r "address4[$one]" "address6[$one]" <<<"$found"
    mapfile -t gateways < <(sed -nE 's|.*"gateway": "([^"]+)".*|\1|p' "$work/out")
    step "read the lease of $one" head -n 1 "$leases/${address4[$one]%/*}"
    id[$one]=$(tr -d '\r' <"$work/out")
    good "$(printf '%-7s %-15s %-14s in %3d.%d ms' "$one" "${address4[$one]}" "${address6[$one]}" \
        $((took / 1000)) $((took / 100 % 10)))"
}

# Two columns of 34 characters; every name and number in it comes from `ip`.
picture() {
    beside() { printf '%14s%s %-34s%s %s\n' '' "$v" "$1" "$v" "$2"; }
    within() { printf '    %s %-31s%s  %s %-31s%s\n' "$v" "$1" "$v" "$v" "$2" "$v"; }
    printf '    %s%s bridge %-8s ' "$nw" "$h" "$bridge"; line 50; printf '%s\n' "$ne"
    printf '    %s %-33s %-33s%s\n' "$v" "$(mac $bridge)" "$(addresses $bridge)" "$v"
    printf '    %s' "$sw"; line 9; printf '%s' "$down"; line 35; printf '%s' "$down"; line 22; printf '%s\n' "$se"
    beside "${port[$a]}" "${port[$b]}"
    beside "$(mac "${port[$a]}")" "$(mac "${port[$b]}")"
    top() { printf '%s%s %s ' "$nw" "$h" "$1"; line $((6 - ${#1})); printf '%s' "$up"; line 22; printf '%s' "$ne"; }
    printf '    %s  %s\n' "$(top "$a")" "$(top "$b")"
    within "$ifname" "$ifname"
    within "$(mac $ifname inside "$a")" "$(mac $ifname inside "$b")"
    within "$(addresses $ifname inside "$a")" "$(addresses $ifname inside "$b")"
    printf '    %s' "$sw"; line 32; printf '%s  %s' "$se" "$sw"; line 32; printf '%s\n' "$se"
}

# reach FROM TO IPV4 IPV6
reach() {
    local address words=''
    [ $# = 4 ] || fail "find two addresses of $2 to ping from $1"
    for address in "${@:3}"; do
        step "ping $address from $1" inside "$1" ping -n -q -c 1 -W 2 -w 2 "$address"
        words+=$(printf '  %-11s %9s' "$address" "$(sed -nE 's|^rtt.* = ([0-9.]+)/.*|\1 ms|p' "$work/out")")
    done
    good "$(printf '%-5s to %-8s' "$1" "$2")$words"
}

collect() {
    step "forget $b" rm "$results/$network-${id[$b]}-$ifname"
    printf '[{"containerID": "%s", "ifname": "%s"}]\n' "${id[$a]}" "$ifname" >"$work/valid.json"
    step GC "$work/bin/cnitool" gc $network --valid-attachments "$work/valid.json"
    expect "ports after gc" "${port[$a]}" "$(ports)"
    expect "leases after gc" "${address4[$a]%/*} ${address6[$a]%/*}" "$(leased)"
    expect "records after gc" "${id[$a]}:$ifname.json" "$(recorded)"
    expect "links in $b after gc" '' "$(ports inside "$b")"
    good "$a is on the list and stays: port $(ports), leases $(leased)"
    good "$b is not, and is gone: its veth pair, both leases and its record"
    cnitool check "$a" && good "CHECK of $a still passes"
}

nothing_left() {
    local one
    expect 'no veth pair is left' '' "$(ports)"
    for one in "$a" "$b"; do expect "no link is left in $one" '' "$(ports inside "$one")"; done
    expect 'no lease is left' '' "$(leased)"
    expect 'no attachment record is left' '' "$(recorded)"
    expect "cnitool remembers nothing" '' "$(files "$results" -type f)"
    expect 'no temporary file is left' '' \
        "$(files "$records" "$leases" "$results" -type f \( -name '*.tmp' -o -name '.*' \))"
    good 'no veth pair, no lease, no attachment record, no temporary file'
    say '' 'Stays on purpose: what containers share, and where the next search begins.'
    printf '    %-50s  %s\n' "bridge $bridge" "$(addresses $bridge)"
    for one in "$leases"/* /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding; do
        printf '    %-50s  %s\n' "$one" "$(<"$one")"
    done
}

main() {
    local begin=${EPOCHREALTIME/[.,]/} one
    enter_own_host "$@"
    prepare "$@"
    heading 'Two containers join a network'
    say "The host is a fresh network namespace; $a and $b are two more." \
        "The network is conf/$network.conflist. cnitool runs ADD for each:" ''
    for one in "$a" "$b"; do add "$one"; done
    say '' 'The time is that of cnitool, start to end, with bridge and host-local inside.'
    heading 'What the kernel has now'
    picture
    heading 'They reach each other, and the gateway'
    reach "$a" "$b" "${address4[$b]%/*}" "${address6[$b]%/*}"
    reach "$b" "$a" "${address4[$a]%/*}" "${address6[$a]%/*}"
    for one in "$a" "$b"; do reach "$one" gateway "${gateways[@]}"; done
    heading 'The plugins agree'
    for one in "$a" "$b"; do cnitool check "$one"; done
    good "CHECK: $a and $b are as their ADD left them"
    step STATUS "$work/bin/cnitool" status $network
    good 'STATUS: another container could join'
    heading "The runtime forgets $b"
    say "Nobody remembers to send its DEL. GC is told to keep $a, and nothing else:" ''
    collect
    heading "The runtime sends DEL for $a"
    cnitool del "$a" && good "DEL: $a leaves the network"
    cnitool del "$a" && good 'DEL once more: it finds nothing to do, which is no error'
    nothing_left
    one=$((${EPOCHREALTIME/[.,]/} - begin))
    printf '\nAll of it took %d.%02d s. This host and everything on it goes now.\n' \
        $((one / 1000000)) $((one / 10000 % 100))
}

main "$@"
