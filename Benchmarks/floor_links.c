// SPDX-License-Identifier: Apache-2.0
//
// The floors under plugins that give a container an interface of some kind without a bridge, as floor.c is that under
// bridge: leases, the link, its addresses and routes, a record, and nothing that the kernel does not require.
//
//   floor_links add <kind> <netns-path> <ifname> <link> <leasedir> [<address/prefix> <gateway>]...
//   floor_links del <kind> <netns-path> <ifname> <link> <leasedir> [<address/prefix>]...
//
// `link` is the host's end of the pair for ptp, the link that macvlan, ipvlan and vlan rest upon, and the one that
// host-device takes; others have none. CNI_CONTAINERID names the owner in the leases, and the record.
// Build: musl-gcc -O2 -static floor_links.c floor_parts.c
#define _GNU_SOURCE
#include "floor_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 2  // addresses
#define VLAN 5
#define TABLE 5

struct job {
    const char *kind, *path, *ifname, *link, *leases;
    struct address addresses[MOST], gateways[MOST];
    int count, netns, host, inside;
};

static int is(const struct job *job, const char *kind) { return !strcmp(job->kind, kind); }

static int has_v6(const struct job *job) {
    int found = 0;
    for (int i = 0; i < job->count; i++) found |= job->addresses[i].family == AF_INET6;
    return found;
}

static int index_of(int fd, const char *name, unsigned char mac[6]) {
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (mac) {
        if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) die("find", name, errno);
        memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    }
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) die("find", name, errno);
    return request.ifr_ifindex;
}

static void add_pair_of(const struct job *job) {
    unsigned char macs[2][6];
    struct batch batch = {0};
    if (getrandom(macs, sizeof macs, 0) != sizeof macs) die("read", "random bytes", errno);
    macs[0][0] = macs[1][0] = 0x02;  // locally administered, unicast
    add_pair(&batch, job->link, macs[0], 0, job->ifname, macs[1], job->netns);
    transact(job->host, &batch, "add pair", 0, NULL, 0);
    set_sysctl("ipv6", job->link, "accept_ra", "0");
    // Until its own address is checked, the host would ask for no neighbour.
    if (has_v6(job)) set_sysctl("ipv6", job->link, "accept_dad", "0");
}

// Upon a link of the host, in the container.
static void add_stacked(const struct job *job) {
    struct batch batch = {0};
    struct ifinfomsg down = {0};
    int lower = index_of(job->host, job->link, NULL);
    begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &down, sizeof down);
    text_attribute(&batch, IFLA_IFNAME, job->ifname);
    attribute(&batch, IFLA_LINK, &lower, sizeof lower);
    attribute(&batch, IFLA_NET_NS_FD, &job->netns, sizeof job->netns);
    struct rtattr *info = attribute(&batch, IFLA_LINKINFO, NULL, 0);
    text_attribute(&batch, IFLA_INFO_KIND, job->kind);
    struct rtattr *data = attribute(&batch, IFLA_INFO_DATA, NULL, 0);
    unsigned bridge = MACVLAN_MODE_BRIDGE;
    unsigned short l2 = IPVLAN_MODE_L2, vlan = VLAN;
    if (is(job, "macvlan")) attribute(&batch, IFLA_MACVLAN_MODE, &bridge, sizeof bridge);
    if (is(job, "ipvlan")) attribute(&batch, IFLA_IPVLAN_MODE, &l2, sizeof l2);
    if (is(job, "vlan")) attribute(&batch, IFLA_VLAN_ID, &vlan, sizeof vlan);
    end_nest(&batch, data);
    end_nest(&batch, info);
    transact(job->host, &batch, "add link upon", 0, NULL, 0);
}

static void add_alone(const struct job *job, const char *name) {
    struct batch batch = {0};
    struct ifinfomsg down = {0};
    unsigned table = TABLE;
    begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &down, sizeof down);
    text_attribute(&batch, IFLA_IFNAME, name);
    struct rtattr *info = attribute(&batch, IFLA_LINKINFO, NULL, 0);
    text_attribute(&batch, IFLA_INFO_KIND, job->kind);
    struct rtattr *data = attribute(&batch, IFLA_INFO_DATA, NULL, 0);
    if (is(job, "vrf")) attribute(&batch, IFLA_VRF_TABLE, &table, sizeof table);
    end_nest(&batch, data);
    end_nest(&batch, info);
    transact(job->inside, &batch, "add link", 0, NULL, 0);
}

static void add_tap(const struct job *job) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_ONE_QUEUE};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", job->ifname);
    int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tap < 0) die("open", "/dev/net/tun", errno);
    if (ioctl(tap, TUNSETIFF, &request) != 0) die("make", "tap", errno);
    if (ioctl(tap, TUNSETPERSIST, 1) != 0) die("keep", "tap", errno);
    close(tap);
}

static void move(int from, const char *name, int netns, const char *new_name) {
    struct batch batch = {0};
    struct ifinfomsg link = {.ifi_index = index_of(from, name, NULL), .ifi_change = IFF_UP};  // no name while up
    begin(&batch, RTM_NEWLINK, 0, &link, sizeof link);
    attribute(&batch, IFLA_NET_NS_FD, &netns, sizeof netns);
    text_attribute(&batch, IFLA_IFNAME, new_name);
    transact(from, &batch, "move link", 0, NULL, 0);
}

static void put_into_table(const struct job *job) {
    add_alone(job, "vrf0");
    struct batch batch = {0};
    int master = index_of(job->inside, "vrf0", NULL);
    struct ifinfomsg link = {.ifi_index = index_of(job->inside, job->ifname, NULL)};
    set_up(&batch, master);
    begin(&batch, RTM_NEWLINK, 0, &link, sizeof link);
    attribute(&batch, IFLA_MASTER, &master, sizeof master);
    transact(job->inside, &batch, "put link into table", 0, NULL, 0);
}

static void make_link(const struct job *job) {
    if (is(job, "ptp")) return add_pair_of(job);
    if (is(job, "host-device")) return move(job->host, job->link, job->netns, job->ifname);
    if (is(job, "tap")) return add_tap(job);
    if (is(job, "dummy")) return add_alone(job, job->ifname);
    add_stacked(job);
}

// Settings that plugins promise of the container's link.
static void settle(const struct job *job) {
    int is_announced = is(job, "macvlan") || is(job, "ipvlan");
    if (is_announced) set_sysctl("ipv4", job->ifname, "arp_notify", "1");
    if (is_announced) set_sysctl("ipv6", job->ifname, "ndisc_notify", "1");
    if (has_v6(job)) set_sysctl("ipv6", job->ifname, "keep_addr_on_down", "1");
}

static void configure_inside(const struct job *job, int index) {
    struct batch batch = {0};
    int is_wire = is(job, "ptp");
    settle(job);
    for (int i = 0; i < job->count; i++) {
        add_address(&batch, index, &job->addresses[i], is_wire ? IFA_F_NOPREFIXROUTE : 0);
    }
    set_up(&batch, index);
    for (int i = 0; i < job->count; i++) {
        const struct address *own = &job->addresses[i], *gateway = &job->gateways[i];
        if (is_wire) {
            add_route(&batch, index, gateway, gateway->prefix, NULL, own, RT_SCOPE_LINK);
            add_route(&batch, index, own, own->prefix, gateway, own, RT_SCOPE_UNIVERSE);
        }
        add_route(&batch, index, NULL, 0, gateway, NULL, RT_SCOPE_UNIVERSE);
    }
    transact(job->inside, &batch, "configure container", 0, NULL, 0);
}

// The host is the gateway, and knows where the container is.
static void configure_host(const struct job *job) {
    struct batch batch = {0};
    int index = index_of(job->host, job->link, NULL);
    for (int i = 0; i < job->count; i++) {
        const struct address *own = &job->addresses[i];
        add_address(&batch, index, &job->gateways[i], 0);
        add_route(&batch, index, own, 8 * own->size, NULL, NULL, RT_SCOPE_HOST);
    }
    transact(job->host, &batch, "configure host", 0, NULL, 0);
    for (int i = 0; i < job->count; i++) {
        int is_v4 = job->addresses[i].family == AF_INET;
        write_file(is_v4 ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding", 0, "1", 1);
    }
}

static void report(const struct job *job, const unsigned char mac[6], const char *id) {
    char result[2048], text[18];
    mac_text(text, mac);
    int length = snprintf(result, sizeof result,
        "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"%s\",\"mac\":\"%s\",\"sandbox\":\"%s\"}],\"ips\":[",
        job->ifname, text, job->path);
    for (int i = 0; i < job->count; i++) {
        const struct address *own = &job->addresses[i];
        length += snprintf(result + length, sizeof result - length,
            "%s{\"interface\":0,\"address\":\"%s/%d\",\"gateway\":\"%s\"}", i ? "," : "", own->text, own->prefix,
            job->gateways[i].text);
    }
    length += snprintf(result + length, sizeof result - length, "],\"dns\":{}}\n");
    record(id, result, length);
    if (write(1, result, length) != length) die("write", "result", errno);
}

static int add(struct job *job, const char *id) {
    unsigned char mac[6];
    read_stdin();
    if (job->count) take_leases(job->leases, job->addresses, job->count, job->ifname);
    job->netns = open_namespace(job->path);
    job->host = open_netlink();
    if (is(job, "ptp") || is(job, "host-device") || strcmp(job->link, "-")) make_link(job);
    if (is(job, "ptp")) configure_host(job);
    enter(job->netns);
    job->inside = open_netlink();
    if (is(job, "vrf")) put_into_table(job);
    else if (!strcmp(job->link, "-")) make_link(job);
    int index = index_of(job->inside, job->ifname, mac);
    if (job->count) configure_inside(job, index);
    report(job, mac, id);
    return 0;
}

static int delete(struct job *job, const char *id) {
    int home = open_namespace("/proc/self/ns/net");
    read_stdin();
    if (job->count) return_leases(job->leases, job->addresses, job->count);
    if (is(job, "ptp")) {
        delete_link(open_netlink(), job->link);
    } else {
        enter(open_namespace(job->path));
        int inside = open_netlink();
        if (is(job, "host-device")) move(inside, job->ifname, home, job->link);
        else delete_link(inside, is(job, "vrf") ? "vrf0" : job->ifname);
    }
    remove_record(id);
    return 0;
}

int main(int argc, char **argv) {
    const char *id = getenv("CNI_CONTAINERID");
    int is_add = argc > 6 && !strcmp(argv[1], "add"), step = is_add ? 2 : 1;
    if (!id || argc < 7 || (argc - 7) / step > MOST || (!is_add && strcmp(argv[1], "del"))) {
        fputs("floor_links: see the head of floor_links.c for its arguments\n", stderr);
        return 2;
    }
    struct job job = {.kind = argv[2], .path = argv[3], .ifname = argv[4], .link = argv[5], .leases = argv[6]};
    for (int i = 7; i + step <= argc; i += step) {
        job.addresses[job.count] = parse(argv[i]);
        if (is_add) job.gateways[job.count] = parse(argv[i + 1]);
        job.count++;
    }
    return is_add ? add(&job, id) : delete(&job, id);
}
