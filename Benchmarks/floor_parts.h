// SPDX-License-Identifier: Apache-2.0
//
// What the floors under plugins are made of: leases, records, settings, and netlink messages by hand. Every request is
// checked, and a refusal ends the program with a message and status 1.
#pragma once
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>

// Where the attachment records go; the real plugins keep their own under /run too.
#define RECORDS "/run/floor"

struct address {
    char text[64];  // without the length of its network
    unsigned char octets[16];
    int family, size, prefix;
};

// Messages that go to the kernel in one send. Only the last one asks for an acknowledgement:
// the kernel answers in order, and reports every refusal anyway.
struct batch {
    char bytes[2048];
    size_t length;
    struct nlmsghdr *last;
    unsigned sequence;
};

void die(const char *what, const char *which, int error) __attribute__((noreturn));
void write_file(const char *path, int flags, const char *text, size_t length);
void set_sysctl(const char *family, const char *link, const char *key, const char *value);
void read_stdin(void);
void mac_text(char text[18], const unsigned char mac[6]);

// Leases as host-local has them: of one container, all under one lock.
void take_leases(const char *directory, const struct address *addresses, int count, const char *ifname);
void return_leases(const char *directory, const struct address *addresses, int count);
void record(const char *name, const char *text, size_t length);
void remove_record(const char *name);

struct address parse(const char *text);
int open_namespace(const char *path);
void enter(int netns);
int open_netlink(void);
void begin(struct batch *batch, int type, int flags, const void *body, size_t length);
void *append(struct batch *batch, const void *data, size_t length);
struct rtattr *attribute(struct batch *batch, int type, const void *data, size_t length);
void text_attribute(struct batch *batch, int type, const char *text);
void end_nest(struct batch *batch, struct rtattr *nest);

// Sends the batch and waits for its last answer. `tolerated` is an errno that is no failure, or 0. A link that was
// asked for is copied to `reply`. Returns the first refusal that is `tolerated`, or 0.
int transact(int fd, struct batch *batch, const char *what, int tolerated, char *reply, size_t size);

// A pair with its own addresses, the host's end up and in a bridge unless that is 0, the other one abroad.
void add_pair(struct batch *batch, const char *host, const unsigned char *host_mac, int bridge, const char *peer,
              const unsigned char *peer_mac, int netns);
// `flags`: IFA_F_*.
void add_address(struct batch *batch, int index, const struct address *address, unsigned flags);
// `gateway` and `source` may be NULL, and so may `target`, which is then everything.
void add_route(struct batch *batch, int index, const struct address *target, int prefix,
               const struct address *gateway, const struct address *source, int scope);
void set_up(struct batch *batch, int index);
void delete_link(int fd, const char *name);
