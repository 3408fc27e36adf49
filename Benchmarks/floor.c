// SPDX-License-Identifier: Apache-2.0
//
// The floor under every CNI plugin: joins one container to a bridge, with a lease in host-local's directory, and does
// nothing the kernel does not require. No JSON is parsed, no address is searched, nothing is taken back after a
// failure. Whatever a real plugin needs beyond this program's time is its own cost.
// It is honest: every request is checked, and a refusal ends it with a message and status 1.
//
//   floor add <netns-path> <ifname> <bridge> <hostveth> <address/prefix> <gateway> <leasedir>
//   floor del <hostveth> <address/prefix> <leasedir>
//   floor version | empty
//
// CNI_CONTAINERID names the owner in the lease. Build: musl-gcc -O2 -static floor.c floor_parts.c
#define _GNU_SOURCE
#include "floor_parts.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static void make_bridge(int host, const char *name, const unsigned char mac[6]) {
    struct batch batch = {0};
    struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    text_attribute(&batch, IFLA_IFNAME, name);
    attribute(&batch, IFLA_ADDRESS, mac, 6);  // one that was given stays, whatever ports come and go
    struct rtattr *info = attribute(&batch, IFLA_LINKINFO, NULL, 0);
    text_attribute(&batch, IFLA_INFO_KIND, "bridge");
    end_nest(&batch, info);
    transact(host, &batch, "add bridge", EEXIST, NULL, 0);
    set_sysctl("ipv6", name, "accept_ra", "0");
}

// Index and hardware address of the bridge, which is made with the address in `mac` if it is missing.
static int find_bridge(int host, const char *name, unsigned char mac[6]) {
    char reply[8192];
    for (int attempt = 0; attempt < 2; attempt++) {
        struct batch batch = {0};
        struct ifinfomsg link = {0};
        unsigned mask = RTEXT_FILTER_SKIP_STATS;
        begin(&batch, RTM_GETLINK, 0, &link, sizeof link);
        text_attribute(&batch, IFLA_IFNAME, name);
        attribute(&batch, IFLA_EXT_MASK, &mask, sizeof mask);
        if (transact(host, &batch, "get bridge", ENODEV, reply, sizeof reply) == 0) break;
        make_bridge(host, name, mac);
    }
    struct nlmsghdr *message = (struct nlmsghdr *)reply;
    if (message->nlmsg_type != RTM_NEWLINK) die("get", name, ENODEV);
    struct ifinfomsg *link = NLMSG_DATA(message);
    unsigned left = IFLA_PAYLOAD(message);
    for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_ADDRESS) memcpy(mac, RTA_DATA(a), 6);
    }
    return link->ifi_index;
}

static void configure_container(int netns, const char *ifname, struct address address, struct address gateway) {
    enter(netns);
    int inside = open_netlink();
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", ifname);
    if (ioctl(inside, SIOCGIFINDEX, &request) != 0) die("find", ifname, errno);
    set_sysctl("ipv6", ifname, "accept_dad", "0");
    set_sysctl("ipv4", ifname, "arp_notify", "1");
    struct batch batch = {0};
    add_address(&batch, request.ifr_ifindex, &address, 0);
    set_up(&batch, request.ifr_ifindex);
    add_route(&batch, request.ifr_ifindex, NULL, 0, &gateway, NULL, RT_SCOPE_UNIVERSE);
    transact(inside, &batch, "configure container", 0, NULL, 0);
}

static int add(const char *path, const char *ifname, const char *bridge, const char *veth, const char *address_text,
               const char *gateway_text, const char *leases) {
    read_stdin();
    struct address address = parse(address_text), gateway = parse(gateway_text);
    take_leases(leases, &address, 1, ifname);

    unsigned char macs[3][6];
    if (getrandom(macs, sizeof macs, 0) != sizeof macs) die("read", "random bytes", errno);
    macs[0][0] = macs[1][0] = macs[2][0] = 0x02;  // locally administered, unicast
    int netns = open_namespace(path);
    int host = open_netlink();
    int index = find_bridge(host, bridge, macs[0]);
    struct batch batch = {0};
    add_pair(&batch, veth, macs[1], index, ifname, macs[2], netns);
    transact(host, &batch, "add pair", 0, NULL, 0);
    batch = (struct batch){0};
    gateway.prefix = address.prefix;
    add_address(&batch, index, &gateway, 0);
    transact(host, &batch, "add gateway address", EEXIST, NULL, 0);
    set_sysctl("ipv6", veth, "accept_ra", "0");
    write_file("/proc/sys/net/ipv4/ip_forward", 0, "1", 1);
    configure_container(netns, ifname, address, gateway);

    char result[2048], m[3][18];
    for (int i = 0; i < 3; i++) mac_text(m[i], macs[i]);
    int length = snprintf(result, sizeof result,
        "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"%s\",\"mac\":\"%s\"},{\"name\":\"%s\",\"mac\":\"%s\"},"
        "{\"name\":\"%s\",\"mac\":\"%s\",\"sandbox\":\"%s\"}],\"ips\":[{\"interface\":2,\"address\":\"%s\","
        "\"gateway\":\"%s\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"dns\":{}}\n",
        bridge, m[0], veth, m[1], ifname, m[2], path, address_text, gateway.text);
    record(veth, result, length);
    if (write(1, result, length) != length) die("write", "result", errno);
    return 0;
}

static int delete(const char *veth, const char *address_text, const char *leases) {
    read_stdin();
    struct address address = parse(address_text);
    return_leases(leases, &address, 1);
    delete_link(open_netlink(), veth);
    remove_record(veth);
    return 0;
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (!strcmp(verb, "empty")) return 0;
    if (!strcmp(verb, "version")) {
        return puts("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\","
                    "\"0.4.0\",\"1.0.0\",\"1.1.0\"]}") < 0;
    }
    if (!strcmp(verb, "add") && argc == 9) return add(argv[2], argv[3], argv[4], argv[5], argv[6], argv[7], argv[8]);
    if (!strcmp(verb, "del") && argc == 5) return delete(argv[2], argv[3], argv[4]);
    fputs("floor: see the head of floor.c for its arguments\n", stderr);
    return 2;
}
