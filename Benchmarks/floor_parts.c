// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "floor_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void die(const char *what, const char *which, int error) {
    fprintf(stderr, "floor: %s %s: %s\n", what, which, strerror(error));
    exit(1);
}

void write_file(const char *path, int flags, const char *text, size_t length) {
    int fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) die("open", path, errno);
    if (write(fd, text, length) != (ssize_t)length) die("write", path, errno);
    close(fd);
}

void set_sysctl(const char *family, const char *link, const char *key, const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, link, key);
    write_file(path, 0, value, strlen(value));
}

void read_stdin(void) {
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

void take_leases(const char *directory, const struct address *addresses, int count, const char *ifname) {
    const char *owner = getenv("CNI_CONTAINERID");
    if (!owner) die("read", "CNI_CONTAINERID", ENOENT);
    char path[512], text[512];
    int lock = lock_leases(directory);
    for (int i = 0; i < count; i++) {
        const char *address = addresses[i].text;
        snprintf(path, sizeof path, "%s/%s", directory, address);
        write_file(path, O_CREAT | O_EXCL, text, snprintf(text, sizeof text, "%s\r\n%s", owner, ifname));
        snprintf(path, sizeof path, "%s/last_reserved_ip.%d", directory, i);
        write_file(path, O_CREAT | O_TRUNC, address, strlen(address));
    }
    close(lock);
}

void return_leases(const char *directory, const struct address *addresses, int count) {
    char path[512];
    int lock = lock_leases(directory);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, addresses[i].text);
        if (unlink(path) != 0) die("remove", path, errno);
    }
    close(lock);
}

void record(const char *name, const char *text, size_t length) {
    char path[128], temporary[128];
    snprintf(path, sizeof path, RECORDS "/%s.json", name);
    snprintf(temporary, sizeof temporary, RECORDS "/.%s.new", name);
    if (mkdir(RECORDS, 0700) != 0 && errno != EEXIST) die("make", RECORDS, errno);
    write_file(temporary, O_CREAT | O_TRUNC, text, length);
    if (rename(temporary, path) != 0) die("rename", temporary, errno);
}

void remove_record(const char *name) {
    char path[128];
    snprintf(path, sizeof path, RECORDS "/%s.json", name);
    if (unlink(path) != 0) die("remove", path, errno);
}

int open_namespace(const char *path) {
    int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0) die("open", path, errno);
    return netns;
}

void enter(int netns) {
    if (setns(netns, CLONE_NEWNET) != 0) die("enter", "network namespace", errno);
}

int open_netlink(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) die("open", "netlink socket", errno);
    return fd;
}

void *append(struct batch *batch, const void *data, size_t length) {
    size_t room = NLMSG_ALIGN(length);
    if (batch->length + room > sizeof batch->bytes) die("build", "netlink batch", EMSGSIZE);
    void *place = memset(batch->bytes + batch->length, 0, room);
    if (data) memcpy(place, data, length);
    batch->length += room;
    batch->last->nlmsg_len += room;
    return place;
}

void begin(struct batch *batch, int type, int flags, const void *body, size_t length) {
    batch->last = (struct nlmsghdr *)(batch->bytes + batch->length);
    struct nlmsghdr header = {
        .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++batch->sequence};
    memcpy(batch->last, &header, sizeof header);
    batch->length += sizeof header;
    batch->last->nlmsg_len = sizeof header;
    append(batch, body, length);
}

struct rtattr *attribute(struct batch *batch, int type, const void *data, size_t length) {
    struct rtattr header = {.rta_len = RTA_LENGTH(length), .rta_type = type};
    struct rtattr *place = append(batch, &header, sizeof header);
    if (length) append(batch, data, length);
    return place;
}

void text_attribute(struct batch *batch, int type, const char *text) {
    attribute(batch, type, text, strlen(text) + 1);
}

void end_nest(struct batch *batch, struct rtattr *nest) {
    nest->rta_len = batch->bytes + batch->length - (char *)nest;
}

int transact(int fd, struct batch *batch, const char *what, int tolerated, char *reply, size_t size) {
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

struct address parse(const char *text) {
    struct address result = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    result.size = result.family == AF_INET ? 4 : 16;
    result.prefix = 8 * result.size;
    const char *slash = strchrnul(text, '/');
    snprintf(result.text, sizeof result.text, "%.*s", (int)(slash - text), text);
    if (inet_pton(result.family, result.text, result.octets) != 1) die("parse", text, EINVAL);
    if (*slash) result.prefix = atoi(slash + 1);
    if (result.prefix < 1 || result.prefix > 8 * result.size) die("parse", text, EINVAL);
    return result;
}

void mac_text(char text[18], const unsigned char mac[6]) {
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

// By default the kernel makes one for each processor, switches all but one off, and waits until everybody knows.
static void one_queue_each(struct batch *batch) {
    unsigned one = 1;
    attribute(batch, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    attribute(batch, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

void add_pair(struct batch *batch, const char *host, const unsigned char *host_mac, int bridge, const char *peer,
              const unsigned char *peer_mac, int netns) {
    struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, down = {0};
    begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof up);
    text_attribute(batch, IFLA_IFNAME, host);
    attribute(batch, IFLA_ADDRESS, host_mac, 6);
    one_queue_each(batch);
    if (bridge) attribute(batch, IFLA_MASTER, &bridge, sizeof bridge);
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

void add_address(struct batch *batch, int index, const struct address *address, unsigned flags) {
    struct ifaddrmsg message = {
        .ifa_family = address->family, .ifa_prefixlen = address->prefix, .ifa_index = index};
    begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof message);
    attribute(batch, IFA_LOCAL, address->octets, address->size);
    attribute(batch, IFA_ADDRESS, address->octets, address->size);
    if (address->family == AF_INET6) flags |= IFA_F_NODAD;
    if (flags) attribute(batch, IFA_FLAGS, &flags, sizeof flags);
    if (address->family == AF_INET && address->prefix < 31) {
        in_addr_t broadcast;
        memcpy(&broadcast, address->octets, sizeof broadcast);
        broadcast |= htonl(0xffffffffu >> address->prefix);
        attribute(batch, IFA_BROADCAST, &broadcast, sizeof broadcast);
    }
}

void add_route(struct batch *batch, int index, const struct address *target, int prefix,
               const struct address *gateway, const struct address *source, int scope) {
    const struct address *any = target ? target : gateway;
    struct rtmsg message = {.rtm_family = any->family, .rtm_dst_len = target ? prefix : 0,
                            .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_scope = scope,
                            .rtm_type = RTN_UNICAST};
    begin(batch, RTM_NEWROUTE, NLM_F_CREATE, &message, sizeof message);
    if (target) {
        unsigned char network[16] = {0};
        memcpy(network, target->octets, prefix / 8);
        if (prefix % 8) network[prefix / 8] = target->octets[prefix / 8] & (0xff00 >> prefix % 8);
        attribute(batch, RTA_DST, network, target->size);
    }
    if (gateway) attribute(batch, RTA_GATEWAY, gateway->octets, gateway->size);
    if (source) attribute(batch, RTA_PREFSRC, source->octets, source->size);
    attribute(batch, RTA_OIF, &index, sizeof index);
}

void set_up(struct batch *batch, int index) {
    struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    begin(batch, RTM_NEWLINK, 0, &up, sizeof up);
}

void delete_link(int fd, const char *name) {
    struct batch batch = {0};
    struct ifinfomsg link = {0};
    begin(&batch, RTM_DELLINK, 0, &link, sizeof link);
    text_attribute(&batch, IFLA_IFNAME, name);
    transact(fd, &batch, "delete link", 0, NULL, 0);
}
