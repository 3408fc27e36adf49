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
// CNI_CONTAINERID names the owner in the lease. Build: musl-gcc -O2 -static floor.c
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

// Where the attachment records go; the real plugin keeps its own under /run too.
#define RECORDS "/run/floor"

static void die(const char *what, const char *which, int error) {
    fprintf(stderr, "floor: %s %s: %s\n", what, which, strerror(error));
    exit(1);
}

static void write_file(const char *path, int flags, const char *text, size_t length) {
    int fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) die("open", path, errno);
    if (write(fd, text, length) != (ssize_t)length) die("write", path, errno);
    close(fd);
}

static void set_sysctl(const char *family, const char *link, const char *key, const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, link, key);
    write_file(path, 0, value, strlen(value));
}

static void read_stdin(void) {
    char buffer[65536];
    ssize_t got;
    while ((got = read(0, buffer, sizeof buffer)) > 0) {}
    if (got < 0) die("read", "stdin", errno);
}

// The lock ends with the returned descriptor.
static int lock_leases(const char *directory) {
    char path[512];
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0750);
    if (fd < 0 && errno == ENOENT && mkdir(directory, 0755) == 0) {
        fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0750);
    }
    if (fd < 0) die("open", path, errno);
    if (flock(fd, LOCK_EX) != 0) die("lock", path, errno);
    return fd;
}

static void take_lease(const char *directory, const char *address, const char *ifname) {
    const char *owner = getenv("CNI_CONTAINERID");
    if (!owner) die("read", "CNI_CONTAINERID", ENOENT);
    char path[512], text[512];
    int lock = lock_leases(directory);
    snprintf(path, sizeof path, "%s/%s", directory, address);
    write_file(path, O_CREAT | O_EXCL, text, snprintf(text, sizeof text, "%s\r\n%s", owner, ifname));
    snprintf(path, sizeof path, "%s/last_reserved_ip.0", directory);
    write_file(path, O_CREAT | O_TRUNC, address, strlen(address));
    close(lock);
}

static void return_lease(const char *directory, const char *address) {
    char path[512];
    int lock = lock_leases(directory);
    snprintf(path, sizeof path, "%s/%s", directory, address);
    if (unlink(path) != 0) die("remove", path, errno);
    close(lock);
}

static void record(const char *link, const char *text, size_t length) {
    char path[128], temporary[128];
    snprintf(path, sizeof path, RECORDS "/%s.json", link);
    snprintf(temporary, sizeof temporary, RECORDS "/.%s.new", link);
    if (mkdir(RECORDS, 0700) != 0 && errno != EEXIST) die("make", RECORDS, errno);
    write_file(temporary, O_CREAT | O_TRUNC, text, length);
    if (rename(temporary, path) != 0) die("rename", temporary, errno);
}

// Messages that go to the kernel in one send. Only the last one asks for an acknowledgement:
// the kernel answers in order, and reports every refusal anyway.
struct batch {
    char bytes[2048];
    size_t length;
    struct nlmsghdr *last;
    unsigned sequence;
};

static int open_netlink(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) die("open", "netlink socket", errno);
    return fd;
}

static void *append(struct batch *batch, const void *data, size_t length) {
    size_t room = NLMSG_ALIGN(length);
    if (batch->length + room > sizeof batch->bytes) die("build", "netlink batch", EMSGSIZE);
    void *place = memset(batch->bytes + batch->length, 0, room);
    if (data) memcpy(place, data, length);
    batch->length += room;
    batch->last->nlmsg_len += room;
    return place;
}

static void begin(struct batch *batch, int type, int flags, const void *body, size_t length) {
    batch->last = (struct nlmsghdr *)(batch->bytes + batch->length);
    struct nlmsghdr header = {
        .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++batch->sequence};
    memcpy(batch->last, &header, sizeof header);
    batch->length += sizeof header;
    batch->last->nlmsg_len = sizeof header;
    append(batch, body, length);
}

static struct rtattr *attribute(struct batch *batch, int type, const void *data, size_t length) {
    struct rtattr header = {.rta_len = RTA_LENGTH(length), .rta_type = type};
    struct rtattr *place = append(batch, &header, sizeof header);
    if (length) append(batch, data, length);
    return place;
}

static void text_attribute(struct batch *batch, int type, const char *text) {
    attribute(batch, type, text, strlen(text) + 1);
}

static void end_nest(struct batch *batch, struct rtattr *nest) {
    nest->rta_len = batch->bytes + batch->length - (char *)nest;
}

// Sends the batch and waits for its last answer. `tolerated` is an errno that is no failure, or 0. A link that was
// asked for is copied to `reply`. Returns the first refusal that is `tolerated`, or 0.
static int transact(int fd, struct batch *batch, const char *what, int tolerated, char *reply, size_t size) {
    char buffer[8192];
    int verdict = 0;
    if (!reply) batch->last->nlmsg_flags |= NLM_F_ACK;
    if (send(fd, batch->bytes, batch->length, 0) != (ssize_t)batch->length) die("send", what, errno);
    for (;;) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got < 0) die("receive answer to", what, errno);
        unsigned left = got;
        for (struct nlmsghdr *m = (struct nlmsghdr *)buffer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type == NLMSG_ERROR) {
                int error = -((struct nlmsgerr *)NLMSG_DATA(m))->error;
                if (error && error != tolerated) die(what, "", error);
                if (error) verdict = error;
            } else if (reply && m->nlmsg_len <= size) {
                memcpy(reply, m, m->nlmsg_len);
            }
            if (m->nlmsg_seq == batch->sequence) return verdict;
        }
    }
}

struct address {
    char text[INET_ADDRSTRLEN];
    struct in_addr value;
    int prefix;
};

static struct address parse(const char *text) {
    struct address result = {.prefix = 32};
    const char *slash = strchrnul(text, '/');
    snprintf(result.text, sizeof result.text, "%.*s", (int)(slash - text), text);
    if (inet_pton(AF_INET, result.text, &result.value) != 1) die("parse", text, EINVAL);
    if (*slash) result.prefix = atoi(slash + 1);
    if (result.prefix < 1 || result.prefix > 32) die("parse", text, EINVAL);
    return result;
}

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

// By default the kernel makes one for each processor, switches all but one off, and waits until everybody knows.
static void one_queue_each(struct batch *batch) {
    unsigned one = 1;
    attribute(batch, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    attribute(batch, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

static void add_pair(struct batch *batch, const char *host, const unsigned char *host_mac, int bridge,
                     const char *peer, const unsigned char *peer_mac, int netns) {
    struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, down = {0};
    begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof up);
    text_attribute(batch, IFLA_IFNAME, host);
    attribute(batch, IFLA_ADDRESS, host_mac, 6);
    one_queue_each(batch);
    attribute(batch, IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr *info = attribute(batch, IFLA_LINKINFO, NULL, 0);
    text_attribute(batch, IFLA_INFO_KIND, "veth");
    struct rtattr *data = attribute(batch, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *other = attribute(batch, VETH_INFO_PEER, NULL, 0);
    append(batch, &down, sizeof down);
    text_attribute(batch, IFLA_IFNAME, peer);
    attribute(batch, IFLA_ADDRESS, peer_mac, 6);
    one_queue_each(batch);
    attribute(batch, IFLA_NET_NS_FD, &netns, sizeof netns);
    end_nest(batch, other);
    end_nest(batch, data);
    end_nest(batch, info);
}

static void add_address(struct batch *batch, int index, struct in_addr address, int prefix) {
    struct ifaddrmsg message = {.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = index};
    in_addr_t broadcast = address.s_addr | htonl(prefix == 32 ? 0 : 0xffffffffu >> prefix);
    begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof message);
    attribute(batch, IFA_LOCAL, &address, sizeof address);
    attribute(batch, IFA_ADDRESS, &address, sizeof address);
    if (prefix < 31) attribute(batch, IFA_BROADCAST, &broadcast, sizeof broadcast);
}

static void add_default_route(struct batch *batch, int index, struct in_addr gateway) {
    struct rtmsg message = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
                            .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
    begin(batch, RTM_NEWROUTE, NLM_F_CREATE, &message, sizeof message);
    attribute(batch, RTA_GATEWAY, &gateway, sizeof gateway);
    attribute(batch, RTA_OIF, &index, sizeof index);
}

static void configure_container(int netns, const char *ifname, struct address address, struct address gateway) {
    if (setns(netns, CLONE_NEWNET) != 0) die("enter", "network namespace", errno);
    int inside = open_netlink();
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", ifname);
    if (ioctl(inside, SIOCGIFINDEX, &request) != 0) die("find", ifname, errno);
    set_sysctl("ipv6", ifname, "accept_dad", "0");
    set_sysctl("ipv4", ifname, "arp_notify", "1");
    struct batch batch = {0};
    struct ifinfomsg up = {.ifi_index = request.ifr_ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    add_address(&batch, request.ifr_ifindex, address.value, address.prefix);
    begin(&batch, RTM_NEWLINK, 0, &up, sizeof up);
    add_default_route(&batch, request.ifr_ifindex, gateway.value);
    transact(inside, &batch, "configure container", 0, NULL, 0);
}

static int add(const char *path, const char *ifname, const char *bridge, const char *veth, const char *address_text,
               const char *gateway_text, const char *leases) {
    read_stdin();
    struct address address = parse(address_text), gateway = parse(gateway_text);
    take_lease(leases, address.text, ifname);

    unsigned char macs[3][6];
    if (getrandom(macs, sizeof macs, 0) != sizeof macs) die("read", "random bytes", errno);
    macs[0][0] = macs[1][0] = macs[2][0] = 0x02;  // locally administered, unicast
    int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0) die("open", path, errno);
    int host = open_netlink();
    int index = find_bridge(host, bridge, macs[0]);
    struct batch batch = {0};
    add_pair(&batch, veth, macs[1], index, ifname, macs[2], netns);
    transact(host, &batch, "add pair", 0, NULL, 0);
    batch = (struct batch){0};
    add_address(&batch, index, gateway.value, address.prefix);
    transact(host, &batch, "add gateway address", EEXIST, NULL, 0);
    set_sysctl("ipv6", veth, "accept_ra", "0");
    write_file("/proc/sys/net/ipv4/ip_forward", 0, "1", 1);
    configure_container(netns, ifname, address, gateway);

    char result[2048], m[3][18];
    for (int i = 0; i < 3; i++) {
        unsigned char *b = macs[i];
        snprintf(m[i], sizeof m[i], "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    }
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
    char path[128];
    read_stdin();
    return_lease(leases, parse(address_text).text);
    struct batch batch = {0};
    struct ifinfomsg link = {0};
    begin(&batch, RTM_DELLINK, 0, &link, sizeof link);
    text_attribute(&batch, IFLA_IFNAME, veth);
    transact(open_netlink(), &batch, "delete pair", 0, NULL, 0);
    snprintf(path, sizeof path, RECORDS "/%s.json", veth);
    if (unlink(path) != 0) die("remove", path, errno);
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
