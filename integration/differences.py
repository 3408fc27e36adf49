# SPDX-License-Identifier: Apache-2.0
"""The differences from the reference that docs/differences.md explains, as code which takes exactly them out."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from implementations import REPOSITORY, testing_the_reference

Step = dict[str, Any]
#: What the lease directory holds beside leases: a network's directory, the lock, the last addresses.
HELPER_FILE = re.compile(r"(^[^/]+|/lock|/last_reserved_ip\.\d+)$")
#: Takes a difference out of both observations; True when it was there.
Eraser = Callable[[list[Step], list[Step]], bool]

DOCUMENT = REPOSITORY / "docs" / "differences.md"
ERASERS: dict[str, Eraser] = {}
#: Differences that any case may show.
EVERYWHERE: set[str] = set()


def documented() -> list[str]:
    """The ids that the document explains, in its order."""
    return re.findall(r"^### (D\d\d) ", DOCUMENT.read_text(), re.MULTILINE)


def difference(tag: str, *, everywhere: bool = False) -> Callable[[Eraser], Eraser]:
    """Registers an eraser under the id of the document."""
    def register(eraser: Eraser) -> Eraser:
        assert tag not in ERASERS, tag
        ERASERS[tag] = eraser
        if everywhere:
            EVERYWHERE.add(tag)
        return eraser
    return register


def erase(mine: list[Step], theirs: list[Step], tags: set[str]) -> set[str]:
    """Takes the named differences out of both, and tells which were there."""
    return {tag for tag in sorted(tags) if ERASERS[tag](mine, theirs)}


def networks(steps: list[Step]) -> Iterator[dict[str, Any]]:
    """Each snapshot of each namespace."""
    for step in steps:
        yield step["state"]["host"]
        yield from step["state"]["containers"].values()


def pairs(mine: list[Step], theirs: list[Step]) -> Iterator[tuple[Step, Step]]:
    """The same step on both sides."""
    return zip(mine, theirs)


def cut_where(mine: list[Step], theirs: list[Step], apart: Callable[[Step, Step], bool]) -> bool:
    """Drops the first step at which the sides part as described, and all that follows from it."""
    for number, (ours, reference) in enumerate(pairs(mine, theirs)):
        if apart(ours, reference):
            del mine[number:], theirs[number:]
            return True
    return False


def only_ours_works(ours: Step, reference: Step, *says: str) -> bool:
    """True where the reference fails with these words and we do not."""
    text = str(reference.get("error"))
    return ours.get("ok") is True and reference.get("ok") is False and all(part in text for part in says)


@difference("D01", everywhere=True)
def version_in_errors(mine: list[Step], theirs: list[Step]) -> bool:
    """Errors carry cniVersion, as the specification asks; their words and codes are our own."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if "error" in ours and "error" in reference:
            found |= "cniVersion" in ours["error"] and "cniVersion" not in reference["error"]
            ours["error"] = reference["error"] = "both refuse"
    return found


@difference("D02", everywhere=True)
def no_empty_dns(mine: list[Step], theirs: list[Step]) -> bool:
    """Results of 1.0.0 have no empty dns object."""
    found = False
    for ours, reference in pairs(mine, theirs):
        result = reference.get("result", {})
        if result.get("dns") == {} and "dns" not in ours.get("result", {"dns": 1}) and result["cniVersion"] == "1.0.0":
            del result["dns"]
            found = True
    return found


@difference("D03", everywhere=True)
def no_duplicate_address_detection(mine: list[Step], theirs: list[Step]) -> bool:
    """IPv6 addresses that came from IPAM are usable at once."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, link in ours["links"].items():
            others = reference["links"].get(name, {}).get("addresses", [])
            unchecked = {address["local"] for address in others if address.get("nodad")}
            for address in link["addresses"]:
                if address["family"] == "inet6" and address["local"] not in unchecked:
                    found |= address.pop("nodad", False)
    for network in networks(mine + theirs if testing_the_reference() else theirs):
        for link in network["links"].values():
            if link["kind"] == "bridge":
                for address in link["addresses"]:
                    address.pop("tentative", None)
    return found


@difference("D04", everywhere=True)
def bridge_mac_is_set(mine: list[Step], theirs: list[Step]) -> bool:
    """A bridge has a MAC address of its own from the beginning."""
    found = False
    for ours, reference in pairs(mine, theirs):
        for name, link in ours["state"]["host"]["links"].items():
            other = reference["state"]["host"]["links"].get(name, {})
            if (link.get("mac origin"), other.get("mac origin")) == ("set", "random"):
                other["mac origin"] = "set"
                found = True
    return found


@difference("D05", everywhere=True)
def leases_are_private(mine: list[Step], theirs: list[Step]) -> bool:
    """Files of the lease directory are readable to root alone, as later releases of the reference have it."""
    found = False
    for ours, reference in pairs(mine, theirs):
        for name, entry in ours["state"]["leases"].items():
            other = reference["state"]["leases"].get(name, {})
            if (entry["mode"], other.get("mode")) == ("0o600", "0o644"):
                other["mode"] = "0o600"
                found = True
    return found


@difference("D06")
def name_of_the_host_end(mine: list[Step], theirs: list[Step]) -> bool:
    """The host end of the same attachment always has the same name."""
    ours, reference = ([step for step in steps if step["step"] == "NAMES"] for steps in (mine, theirs))
    same = len({str(step["answer"]) for step in ours}) == 1 and len({str(step["answer"]) for step in reference}) > 1
    for step in (*ours, *reference):
        step["answer"] = len(step["answer"])
    return same


@difference("D07", everywhere=True)
def addresses_stay_when_down(mine: list[Step], theirs: list[Step]) -> bool:
    """IPv6 addresses survive a link going down, as in later releases of the reference."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, value in ours["sysctls"].items():
            if name.endswith("/keep_addr_on_down") and (value, reference["sysctls"].get(name)) == ("1", "0"):
                reference["sysctls"][name] = "1"
                found = True
    return found


@difference("D25", everywhere=True)
def queue_length_of_the_kernel(mine: list[Step], theirs: list[Step]) -> bool:
    """Both ends of the pair have the kernel's transmit queue length, which the reference sets to 0."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, link in ours["links"].items():
            other = reference["links"].get(name, {})
            if link.get("txqlen") == 1000 and other and "txqlen" not in other:
                other["txqlen"] = 1000
                found = True
    return found


@difference("D26", everywhere=True)
def enhanced_detection_is_off(mine: list[Step], theirs: list[Step]) -> bool:
    """Enhanced duplicate address detection goes off with the ordinary one."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, value in ours["sysctls"].items():
            ordinary = ours["sysctls"].get(name.replace("/enhanced_dad", "/accept_dad"))
            if name.endswith("/enhanced_dad") and (value, ordinary) == ("0", "0") and name in reference["sysctls"]:
                found |= reference["sysctls"][name] == "1"
                reference["sysctls"][name] = "0"
    return found


@difference("D36", everywhere=True)
def bridges_speak_at_once(mine: list[Step], theirs: list[Step]) -> bool:
    """A bridge that ADD brings up does not check its own link-local address first."""
    found = False
    for ours, reference in pairs(mine, theirs):
        hosts = ours["state"]["host"], reference["state"]["host"]
        for name, link in hosts[0]["links"].items():
            key = f"ipv6/conf/{name}/accept_dad"
            if link["kind"] == "bridge" and [host["sysctls"].get(key) for host in hosts] == ["0", "1"]:
                hosts[1]["sysctls"][key] = "0"
                found = True
    return found


@difference("D40")
def networks_are_not_connected(mine: list[Step], theirs: list[Step]) -> bool:
    """The addresses of `ptp` say themselves that their networks are not on the link."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, link in ours["links"].items():
            if name not in reference["links"]:
                continue
            for address, other in zip(link["addresses"], reference["links"][name]["addresses"]):
                if address.get("noprefixroute") and "noprefixroute" not in other:
                    del address["noprefixroute"]
                    found = True
    return found


@difference("D41", everywhere=True)
def interfaces_say_their_mtu(mine: list[Step], theirs: list[Step]) -> bool:
    """Interfaces in a result have their MTU, and the PCI address by which `host-device` found them."""
    found = False
    for ours, reference in pairs(mine, theirs):
        others = reference.get("result", {}).get("interfaces", [])
        for interface, other in zip(ours.get("result", {}).get("interfaces", []), others):
            if interface.get("mtu") and "mtu" not in other:
                del interface["mtu"]
                found = True
            if "pciID" not in other:
                interface.pop("pciID", None)
    return found


@difference("D42")
def wires_speak_at_once(mine: list[Step], theirs: list[Step]) -> bool:
    """The host's end of a `ptp` wire does not check its own addresses first."""
    found = False
    for ours, reference in pairs(mine, theirs):
        hosts = ours["state"]["host"], reference["state"]["host"]
        for name, link in hosts[1]["links"].items():
            key = f"ipv6/conf/{name}/accept_dad"
            if name in hosts[0]["links"] and [host["sysctls"].get(key) for host in hosts] == ["0", "1"]:
                hosts[1]["sysctls"][key] = "0"
                for address in link["addresses"]:
                    address.pop("tentative", None)
                found = True
    return found


@difference("D43")
def neighbours_are_told(mine: list[Step], theirs: list[Step]) -> bool:
    """Addresses of `macvlan` and `ipvlan` are announced by IPv6 as well as by ARP."""
    found = False
    for ours, reference in zip(networks(mine), networks(theirs)):
        for name, value in ours["sysctls"].items():
            if name.endswith("/ndisc_notify") and (value, reference["sysctls"].get(name)) == ("1", "0"):
                reference["sysctls"][name] = "1"
                found = True
    return found


#: Flags that a link has or lacks because of its other end.
CARRIER = {"LOWER_UP", "NO-CARRIER", "M-DOWN"}


@difference("D44")
def devices_come_back_as_they_were(mine: list[Step], theirs: list[Step]) -> bool:
    """A link that `host-device` brings back is up if it was, and has the alias that it had."""
    found = False
    first = mine[0]["state"]["host"]["links"]
    for ours, reference in pairs(mine, theirs):
        links, others = ours["state"]["host"]["links"], reference["state"]["host"]["links"]
        for name, link in links.items():
            if name not in others or others[name]["alias"] != name or "UP" in others[name]["flags"]:
                continue
            found |= all(link[member] == first[name][member] for member in ("alias", "flags", "operstate", "mtu"))
            for member in ("alias", "flags", "operstate"):
                others[name][member] = link[member]
            # The other end has no carrier then.
            for far, end in links.items():
                if far in others and set(end["flags"]) ^ set(others[far]["flags"]) <= CARRIER:
                    others[far].update(flags=end["flags"], operstate=end["operstate"])
    return found


@difference("D45")
def devices_that_are_home(mine: list[Step], theirs: list[Step]) -> bool:
    """DEL of `host-device` succeeds when the device is not in the container any more."""
    return cut_where(mine, theirs, lambda ours, reference: (
        ours["step"].startswith("DEL") and only_ours_works(ours, reference, "failed to find")))


@difference("D27")
def default_route_listed_and_made(mine: list[Step], theirs: list[Step]) -> bool:
    """A listed default route and isDefaultGateway do not get into each other's way."""
    return cut_where(mine, theirs, lambda ours, reference: only_ours_works(ours, reference, "file exists"))


@difference("D28", everywhere=True)
def removal_needs_little(mine: list[Step], theirs: list[Step]) -> bool:
    """DEL works with a configuration that ADD refuses."""
    found = False
    refused = False
    for ours, reference in pairs(mine, theirs):
        if ours["step"].startswith("ADD"):
            refused = not ours.get("ok") and not reference.get("ok")
        if refused and ours["step"].startswith("DEL") and only_ours_works(ours, reference):
            reference.pop("error")
            reference["ok"] = True
            found = True
    return found


@difference("D29")
def check_of_routes_without_gateway(mine: list[Step], theirs: list[Step]) -> bool:
    """CHECK finds routes that name no gateway, and were made through the network's."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if ours["step"].startswith("CHECK") and only_ours_works(ours, reference, "Expected Route", "not found"):
            reference.pop("error")
            reference["ok"] = True
            found = True
    return found


@difference("D30")
def destination_with_host_bits(mine: list[Step], theirs: list[Step]) -> bool:
    """A route's destination may have host bits."""
    return cut_where(mine, theirs, lambda ours, reference: only_ours_works(ours, reference, "invalid argument"))


@difference("D31")
def hardware_address_in_arguments(mine: list[Step], theirs: list[Step]) -> bool:
    """MAC= in CNI_ARGS needs no IgnoreUnknown."""
    return cut_where(mine, theirs, lambda ours, reference: only_ours_works(ours, reference, "unknown args", "MAC="))


@difference("D32")
def names_from_ipam(mine: list[Step], theirs: list[Step]) -> bool:
    """The DNS settings of IPAM reach the result."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if ours.get("result", {}).get("dns") and not reference.get("result", {}).get("dns"):
            del ours["result"]["dns"]
            reference.get("result", {}).pop("dns", None)
            found = True
    return found


@difference("D33")
def values_with_equals_signs(mine: list[Step], theirs: list[Step]) -> bool:
    """Values in CNI_ARGS may contain an equals sign."""
    return cut_where(mine, theirs, lambda ours, reference: only_ours_works(ours, reference, "invalid pair"))


@difference("D34")
def refusal_moves_nothing(mine: list[Step], theirs: list[Step]) -> bool:
    """A refused request for addresses leaves last_reserved_ip alone."""
    found = False
    for ours, reference in pairs(mine, theirs):
        hints = [path for path in reference["state"]["leases"] if "/last_reserved_ip." in path]
        for path in hints:
            if path not in ours["state"]["leases"] and not ours.get("result"):
                del reference["state"]["leases"][path]
                found = True
    return found


@difference("D35")
def old_form_of_loopback(mine: list[Step], theirs: list[Step]) -> bool:
    """Results of 0.2.0 have the form of 0.2.0."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if "ip4" in ours.get("result", {}) and "ips" in reference.get("result", {}):
            assert ours["result"]["ip4"]["ip"] == reference["result"]["ips"][0]["address"]
            ours["result"] = reference["result"]
            found = True
    return found


def forget_link(network: dict[str, Any], name: str) -> None:
    """Takes a link, and all that the kernel tells about it, out of a snapshot."""
    network["links"].pop(name, None)
    network["routes"] = [route for route in network["routes"] if route.get("dev") != name]
    network["sysctls"] = {key: value for key, value in network["sysctls"].items() if f"/{name}/" not in key}


@difference("D08", everywhere=True)
def refused_add_leaves_nothing(mine: list[Step], theirs: list[Step]) -> bool:
    """A refused ADD leaves the host as it was; only a shared bridge may have been made."""
    found = False
    before = mine[0]["state"]
    for number, (ours, reference) in enumerate(pairs(mine, theirs)):
        if number > 0 and ours["step"].startswith("ADD") and not ours.get("ok") and not reference.get("ok"):
            found |= erase_remains(before, mine[number:], theirs[number:])
        before = ours["state"]
    return found


def erase_remains(before: dict[str, Any], mine: list[Step], theirs: list[Step]) -> bool:
    """Forgets what only the reference left behind after a refusal, from that step on; ours has to be clean."""
    found = False
    for group, name in (("host", None), *(("containers", name) for name in mine[0]["state"]["containers"])):
        spaces = [
            [step["state"][group] if name is None else step["state"][group].get(name) for step in steps]
            for steps in ([{"state": before}], mine, theirs)
        ]
        if None not in (spaces[0][0], spaces[1][0], spaces[2][0]):
            found |= erase_links(*spaces)
    leases = mine[0]["state"]["leases"]
    if leases == before["leases"] != theirs[0]["state"]["leases"]:
        for ours, reference in pairs(mine, theirs):
            if all(HELPER_FILE.search(path) for path in set(reference["state"]["leases"]) - set(leases)):
                reference["state"]["leases"] = ours["state"]["leases"]
    return found


def erase_links(before: list[Any], mine: list[Any], theirs: list[Any]) -> bool:
    """The same for the links and sysctls of one namespace."""
    old = set(before[0]["links"])
    bridges = {
        name for side in (mine[0], theirs[0]) for name, link in side["links"].items() if link["kind"] == "bridge"
    }
    if set(mine[0]["links"]) - old - bridges:
        return False
    extra = set(theirs[0]["links"]) - old
    for network in filter(None, theirs):
        for link in extra:
            forget_link(network, link)
    for network in filter(None, mine):
        for link in bridges - old:
            forget_link(network, link)
    for ours, reference in zip(mine, theirs):
        if ours and reference and mine[0]["sysctls"] == before[0]["sysctls"]:
            reference["sysctls"] = ours["sysctls"]
            reference["routes"] = ours["routes"]
    untouched = {name for name in bridges & old if mine[0]["links"][name] == before[0]["links"][name]}
    for ours, reference in zip(filter(None, mine), filter(None, theirs)):
        reference["links"].update({name: ours["links"][name] for name in untouched & set(ours["links"])})
    return bool(extra - bridges)


@difference("D09")
def check_of_layer_two(mine: list[Step], theirs: list[Step]) -> bool:
    """CHECK works on a network without addresses."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if ours["step"].startswith("CHECK") and only_ours_works(ours, reference, "no plugin name provided"):
            ours.pop("result", None)
            reference.pop("error")
            reference["ok"] = True
            found = True
    return found


@difference("D11")
def same_address_again(mine: list[Step], theirs: list[Step]) -> bool:
    """ADD of an attachment that has a lease returns it."""
    first = next((step["result"] for step in mine if step.get("result")), None)
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference, "duplicate allocation is not allowed") and ours["result"] == first))


@difference("D12")
def empty_lease_file(mine: list[Step], theirs: list[Step]) -> bool:
    """An empty lease file, left by a crash, does not cost its address for ever."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference, "no IP addresses available in range set")))


@difference("D13")
def version_of_loopback_addresses(mine: list[Step], theirs: list[Step]) -> bool:
    """Addresses in an old result of loopback say their version."""
    found = False
    for ours, reference in pairs(mine, theirs):
        for address, other in zip(ours.get("result", {}).get("ips", ()), reference.get("result", {}).get("ips", ())):
            if "version" not in other and address.get("version") == ("6" if ":" in address["address"] else "4"):
                del address["version"]
                found = True
    return found


@difference("D14")
def route_metrics(mine: list[Step], theirs: list[Step]) -> bool:
    """MTU and MSS of a route are applied and reported."""
    found = False
    for step in mine:
        for route in (*step.get("result", {}).get("routes", ()), *step["state"]["containers"].get("c1", {}).get(
                "routes", ())):
            for member in ("mtu", "advmss", "metrics"):
                found |= bool(route.pop(member, None))
    return found


@difference("D15")
def address_list_in_arguments(mine: list[Step], theirs: list[Step]) -> bool:
    """CNI_ARGS may ask for several addresses."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference) and "fd77::66" in str(ours["result"]) and "10.77.0.66" in str(ours["result"])))


@difference("D16")
def flat_ranges(mine: list[Step], theirs: list[Step]) -> bool:
    """The capability ipRanges may be a flat list."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference) and "10.99.0.7/24" in str(ours["result"])))


@difference("D17")
def release_without_ranges(mine: list[Step], theirs: list[Step]) -> bool:
    """DEL frees leases even if the configuration no longer names a range."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference, "no IP ranges specified") and "net/10.77.0.2" not in ours["state"]["leases"]))


@difference("D18")
def plain_file_for_a_namespace(mine: list[Step], theirs: list[Step]) -> bool:
    """DEL treats a plain file in place of a namespace like a namespace that is gone."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference, "unknown FS magic") and "net/10.77.0.2" not in ours["state"]["leases"]))


@difference("D19")
def answer_to_version(mine: list[Step], theirs: list[Step]) -> bool:
    """VERSION knows 1.1.0 and ends in a newline."""
    ours, reference = mine[-1], theirs[-1]
    newer = [*reference["result"]["supportedVersions"], "1.1.0"]
    if ours["result"] == {"cniVersion": "1.1.0", "supportedVersions": newer} and ours["newline at the end"]:
        ours["result"], ours["newline at the end"] = reference["result"], reference["newline at the end"]
        return True
    return False


@difference("D20")
def banner(mine: list[Step], theirs: list[Step]) -> bool:
    """Without a command the plugin tells a version that can be compared."""
    form = re.compile(r"CNI bridge plugin v?\d+\.\d+\.\d+\S*\nCNI protocol versions supported: 0\.1\.0, .*1\.1\.0\n")
    ours, reference = mine[-1], theirs[-1]
    if form.fullmatch(ours.get("stderr", "")) and not form.fullmatch(reference.get("stderr", "")):
        ours["stderr"] = reference["stderr"]
        return True
    return False


@difference("D21")
def speaks_newest_version(mine: list[Step], theirs: list[Step]) -> bool:
    """Configurations of 1.1.0 are understood."""
    return cut_where(mine, theirs, lambda ours, reference: (
        only_ours_works(ours, reference, "incompatible CNI versions") and ours["result"]["cniVersion"] == "1.1.0"))


@difference("D23")
def link_goes_without_namespace(mine: list[Step], theirs: list[Step]) -> bool:
    """DEL without a namespace takes the veth pair away as well."""
    return cut_where(mine, theirs, lambda ours, reference: (
        ours["step"].startswith("DEL") and "host-end-1" not in ours["state"]["host"]["links"]
        and "host-end-1" in reference["state"]["host"]["links"]))


@difference("D24", everywhere=True)
def no_store_without_leases(mine: list[Step], theirs: list[Step]) -> bool:
    """Where nothing was ever leased, no directory and no lock are made."""
    found = False
    for ours, reference in pairs(mine, theirs):
        extra = set(reference["state"]["leases"]) - set(ours["state"]["leases"])
        if extra and all(re.search(r"(^[^/]+|/lock)$", path) for path in extra) and not ours["state"]["leases"]:
            reference["state"]["leases"] = {}
            found = True
    return found


@difference("D37")
def check_of_published_ports(mine: list[Step], theirs: list[Step]) -> bool:
    """CHECK of published ports looks for each family's own rules."""
    found = False
    for ours, reference in pairs(mine, theirs):
        if ours["step"].startswith("CHECK") and only_ours_works(ours, reference, "could not check ipv6 dnat"):
            reference.pop("error")
            reference["ok"] = True
            found = True
    return found


@difference("D38")
def one_holder_of_a_port(mine: list[Step], theirs: list[Step]) -> bool:
    """A port of the host that somebody has is refused to everybody else."""
    return cut_where(mine, theirs, lambda ours, reference: (
        ours.get("ok") is False and ours["error"]["code"] == 108 and reference.get("ok") is True))


@difference("D39")
def isolated_containers(mine: list[Step], theirs: list[Step]) -> bool:
    """ingressPolicy may be isolated."""
    return cut_where(mine, theirs, lambda ours, reference: only_ours_works(ours, reference, "ingress policy"))
