# SPDX-License-Identifier: Apache-2.0
"""Comparison cases about what the bridge plugin does to links, addresses and routes."""
from __future__ import annotations

import guest
from cases import Case, change, life, plain, refused
from runtime import bridge, host_local, network

DUAL = ("10.77.0.0/24", "fd77::/64")
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
PORTS = {"type": "portmap", "capabilities": {"portMappings": True}}
PUBLISHED = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
CONFLICT = "ip link add cni0 type bridge && ip addr add 192.0.2.1/24 dev cni0 && ip link set cni0 up"
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")


def dual(**members: object) -> dict[str, object]:
    """A host-local object with an address of either family."""
    return host_local(*DUAL, **members)


CASES: list[Case] = [
    *(plain(f"plain {version}", version) for version in VERSIONS),
    plain("no cniVersion", None),
    *(plain(f"gateway {version}", version, isGateway=True) for version in ("0.2.0", "0.3.1", "0.4.0", "1.0.0")),
    *(plain(f"dual stack gateway {version}", version, ipam=dual(), isGateway=True) for version in VERSIONS),
    plain("default gateway", isDefaultGateway=True),
    plain("default gateway 0.2.0", "0.2.0", isDefaultGateway=True),
    plain("dual stack without gateway", ipam=dual()),
    plain("dual stack default gateway", ipam=dual(), isDefaultGateway=True),
    change(plain("dual stack default gateway, routes listed", ipam=dual(routes=ROUTES), isDefaultGateway=True),
           differences=("D27",)),
    plain("IPv6 only", ipam=host_local("fd77::/64")),
    plain("IPv6 only, default gateway", ipam=host_local("fd77::/64"), isDefaultGateway=True),
    change(plain("default route listed, default gateway", isDefaultGateway=True,
                 ipam=host_local("10.77.0.0/24", routes=[{"dst": "0.0.0.0/0"}])), differences=("D27",)),
    plain("default route with a gateway of its own, default gateway", isDefaultGateway=True,
          ipam=host_local("10.77.0.0/24", routes=[{"dst": "0.0.0.0/0", "gw": "10.77.0.250"}])),
    plain("gateway with duplicate address detection", ipam=dual(), isGateway=True, enabledad=True),
    plain("two addresses of one family, gateway", ipam=host_local("10.77.0.0/24", "10.78.0.0/24"), isGateway=True),
    # Bridge address
    change(refused("bridge has another address", "already has an IP address different from 10.77.0.1/24",
                   isGateway=True), prepare=CONFLICT),
    change(plain("bridge has another address, forced", isGateway=True, forceAddress=True), prepare=CONFLICT),
    change(plain("bridge has the address already", isGateway=True),
           prepare="ip link add cni0 type bridge && ip addr add 10.77.0.1/24 dev cni0"),
    change(plain("bridge has another IPv6 address", ipam=host_local("fd77::/64"), isGateway=True),
           prepare="ip link add cni0 type bridge && ip addr add fd99::1/64 dev cni0 nodad"),
    change(refused("bridge has an overlapping IPv6 address", "already has an IP address different from fd77::1/64",
                   ipam=host_local("fd77::/64"), isGateway=True),
           prepare="ip link add cni0 type bridge && ip addr add fd77::9/64 dev cni0 nodad"),
    change(refused("bridge name is taken by another kind of link", "cni0"),
           prepare="ip link add cni0 type veth peer name other"),
    change(plain("bridge exists with another MTU", mtu=1300), prepare="ip link add cni0 mtu 1400 type bridge"),
    change(plain("bridge exists and is down"), prepare="ip link add cni0 type bridge"),
    change(plain("no name for the bridge"), network=network({"type": "bridge", "ipam": host_local("10.77.0.0/24")})),
    # Layer 2
    change(plain("layer 2", ipam={}), differences=("D09",)),
    change(plain("layer 2, no ipam at all", ipam=None), differences=("D09",)),
    plain("layer 2 0.3.1", "0.3.1", ipam={}),
    # Port and link
    plain("hairpin", hairpinMode=True),
    plain("promiscuous", promiscMode=True),
    refused("hairpin and promiscuous", hairpinMode=True, promiscMode=True),
    plain("MTU 1400", mtu=1400),
    plain("MTU 9000 with a gateway", mtu=9000, isGateway=True),
    plain("everything null", ipam=host_local("10.77.0.0/24", routes=None, resolvConf=None), isGateway=None, mtu=None,
          hairpinMode=None, vlan=None, dns=None),
    plain("unknown members", shape="round", ipam=host_local("10.77.0.0/24", colour="green")),
    refused("wrong type of isGateway", "isGateway", isGateway="true"),
    refused("wrong type of mtu", "mtu", mtu="1500"),
    refused("negative VLAN", vlan=-1),
    refused("VLAN out of range", vlan=5000),
    *([] if guest.filters_vlans() else [refused("VLAN on a kernel without VLAN-aware bridges", vlan=100)]),
    # Routes
    plain("route on a gateway", ipam=host_local("10.77.0.0/24", routes=[{"dst": "192.0.2.0/24", "gw": "10.77.0.9"}])),
    change(plain("route without a gateway", ipam=host_local("10.77.0.0/24", routes=[{"dst": "192.0.2.7/32"}])),
           differences=("D29",)),
    change(plain("routes of both families", ipam=dual(routes=[{"dst": "192.0.2.0/24"}, {"dst": "2001:db8::/32"}])),
           differences=("D29",)),
    change(plain("route with host bits", ipam=host_local("10.77.0.0/24", routes=[{"dst": "192.0.2.77/24"}])),
           differences=("D30",)),
    change(refused("route through an unreachable gateway",
                   ipam=host_local("10.77.0.0/24", routes=[{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}])),
           differences=("D08",)),
    change(refused("the same route twice", ipam=host_local("10.77.0.0/24", routes=[{"dst": "192.0.2.0/24"}] * 2)),
           differences=("D08",)),
    change(plain("route with MTU, priority and table", ipam=host_local("10.77.0.0/24", routes=[
        {"dst": "192.0.2.0/24", "gw": "10.77.0.9", "mtu": 1280, "advmss": 1200}])), differences=("D14",)),
    # MAC
    change(plain("MAC as a capability", capabilities={"mac": True}), capabilities={"mac": "0a:00:00:00:00:07"}),
    change(plain("MAC in CNI_ARGS"), args="MAC=0a:00:00:00:00:08", differences=("D31",)),
    change(plain("MAC in args", args={"cni": {"mac": "0a:00:00:00:00:09"}})),
    change(plain("MAC in three places", args={"cni": {"mac": "0a:00:00:00:00:09"}}, capabilities={"mac": True}),
           args="MAC=0a:00:00:00:00:08", capabilities={"mac": "0a:00:00:00:00:07"}, differences=("D31",)),
    change(refused("MAC is not one"), args="MAC=zz"),
    # Names and order
    change(plain("other interface name"), ifname="net1"),
    change(refused("interface exists already", "eth0"), steps=("ADD c1",),
           inside="ip link add eth0 type veth peer name eth9"),
    change(plain("two containers, leaving in order", isGateway=True),
           steps=("ADD c1", "ADD c2", "CHECK c1", "DEL c1", "CHECK c2", "DEL c2")),
    change(plain("bridge without address loses a port", ipam=host_local("10.77.0.0/24")),
           steps=("ADD c1", "ADD c2", "DEL c1", "DEL c2")),
    change(plain("the same attachment twice in turn"), steps=("ADD c1", "NAMES", "DEL c1", "ADD c1", "NAMES", "DEL c1"),
           differences=("D06",)),
    change(plain("DEL without a namespace"), steps=("ADD c1", "DEL c1 nowhere", "DEL c1"), differences=("D23",)),
    change(plain("DEL after the namespace died"), steps=("ADD c1", "DIE c1", "DEL c1")),
    change(plain("DEL without prevResult"), steps=("ADD c1", "DEL c1 forgetful")),
    change(plain("DEL with a plain file for a namespace"), steps=("ADD c1", "DEL c1 file", "DEL c1"),
           differences=("D18",)),
    change(plain("CHECK without prevResult"), steps=("CHECK c1 forgetful",), fails=True),
    # Members of an ADD that only differ in spelling
    Case("keys in capitals", {"CNIVERSION": "1.0.0", **network(
        {"type": "bridge", "BRIDGE": "cni0", "IsGateway": True, "IPAM": {
            "Type": "host-local", "RANGES": [[{"SUBNET": "10.77.0.0/24", "rangestart": "10.77.0.9"}]]}})},
         life("1.0.0")),
    # Packet filters: their rules are no part of what is compared, everything else is
    plain("masquerade", isGateway=True, ipMasq=True),
    plain("masquerade, dual stack", ipam=dual(), isDefaultGateway=True, ipMasq=True),
    plain("masquerade by iptables", "0.4.0", ipam=dual(), isGateway=True, ipMasq=True, ipMasqBackend="iptables"),
    change(plain("masquerade without addresses", ipam={}, ipMasq=True), differences=("D09",)),
    plain("watched MAC addresses", isGateway=True, macspoofchk=True),
    Case("published ports", network(bridge(isGateway=True), PORTS), capabilities=PUBLISHED,
         differences=("D37",)),
    Case("published ports, dual stack", network(bridge(dual(), isGateway=True), PORTS), capabilities=PUBLISHED,
         differences=("D37",)),
    Case("published ports that nobody wants", network(bridge(isGateway=True), PORTS)),
    Case("one published port for two", network(bridge(), PORTS), ("ADD c1", "ADD c2", "DEL c2", "DEL c1"),
         capabilities=PUBLISHED, differences=("D38",)),
    Case("behind a firewall", network(bridge(dual(), isGateway=True), {"type": "firewall"})),
    Case("behind a firewall that keeps bridges apart", network(bridge(isGateway=True), {
        "type": "firewall", "ingressPolicy": "same-bridge"})),
    Case("behind a firewall that keeps containers apart", network(bridge(isGateway=True), {
        "type": "firewall", "ingressPolicy": "isolated"}), differences=("D39",)),
    Case("chained with tuning", network(bridge(), {"type": "tuning", "promisc": True, "allmulti": True})),
    Case("chained as podman chains", network(bridge(isGateway=True, ipMasq=True, hairpinMode=True), PORTS, {
        "type": "firewall", "backend": ""}, {"type": "tuning"}), capabilities=PUBLISHED, differences=("D37",)),
    Case("addresses from a foreign plugin", network(bridge({
        "type": "foreign-ipam", "addresses": [{"address": "10.77.0.7/24", "gateway": "10.77.0.1"}],
        "routes": [{"dst": "0.0.0.0/0"}], "dns": {"nameservers": ["192.0.2.53"]}}, isGateway=True)),
        differences=("D32",)),
    Case("addresses from static", network(bridge({
        "type": "static", "addresses": [{"address": "10.77.0.7/24", "gateway": "10.77.0.1"}],
        "routes": [{"dst": "0.0.0.0/0"}], "dns": {"nameservers": ["192.0.2.53"]}}, isGateway=True)),
        differences=("D32",)),
    Case("unknown foreign plugin", network(bridge({"type": "no-such-ipam"})), ("ADD c1", "DEL c1"), fails=True),
    # Result
    plain("dns of the bridge", dns={"nameservers": ["192.0.2.1"], "domain": "example", "search": ["a", "b"]}),
    change(plain("dns of a file", ipam=host_local("10.77.0.0/24", resolvConf="/run/resolv.conf")),
           prepare="printf '# c\\nnameserver 192.0.2.3\\n;x\\nsearch one two\\noptions ndots:2\\n' > /run/resolv.conf", differences=("D32",)),
    change(plain("dns of both", dns={"nameservers": ["192.0.2.1"]},
                 ipam=host_local("10.77.0.0/24", resolvConf="/run/resolv.conf")),
           prepare="printf 'nameserver 192.0.2.3\\ndomain example\\n' > /run/resolv.conf"),
]
