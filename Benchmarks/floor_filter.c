// SPDX-License-Identifier: Apache-2.0
//
// The floor under whoever tells nf_tables one thing: one element of set `addresses` of table `inet floor`, which are
// there already, comes or goes in one transaction. Nothing is read before or after.
//
//   floor_filter add|del <IPv4 address>
//
// Build: musl-gcc -O2 -static floor_filter.c floor_parts.c
#define _GNU_SOURCE
#include "floor_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void begin_filter(struct batch *batch, int type, int flags, int family, int resource) {
    struct nfgenmsg head = {.nfgen_family = family, .res_id = htons(resource)};
    begin(batch, type, flags, &head, sizeof head);
}

static void change(const struct address *address, int is_add) {
    struct batch batch = {0};
    int type = NFNL_SUBSYS_NFTABLES << 8 | (is_add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM);
    begin_filter(&batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    begin_filter(&batch, type, NLM_F_ACK | (is_add ? NLM_F_CREATE : 0), NFPROTO_INET, 0);
    text_attribute(&batch, NFTA_SET_ELEM_LIST_TABLE, "floor");
    text_attribute(&batch, NFTA_SET_ELEM_LIST_SET, "addresses");
    struct rtattr *list = attribute(&batch, NLA_F_NESTED | NFTA_SET_ELEM_LIST_ELEMENTS, NULL, 0);
    struct rtattr *element = attribute(&batch, NLA_F_NESTED | NFTA_LIST_ELEM, NULL, 0);
    struct rtattr *key = attribute(&batch, NLA_F_NESTED | NFTA_SET_ELEM_KEY, NULL, 0);
    attribute(&batch, NFTA_DATA_VALUE, address->octets, address->size);
    end_nest(&batch, key);
    end_nest(&batch, element);
    end_nest(&batch, list);
    begin_filter(&batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

    char answer[8192];
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0) die("open", "netlink socket", errno);
    if (send(fd, batch.bytes, batch.length, 0) != (ssize_t)batch.length) die("send", "transaction", errno);
    if (recv(fd, answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof(int))) die("receive", "answer", EBADMSG);
    int error = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
    if (error) die("change", "element", error);
}

int main(int argc, char **argv) {
    if (argc != 3 || (strcmp(argv[1], "add") && strcmp(argv[1], "del"))) {
        fputs("floor_filter: see the head of floor_filter.c for its arguments\n", stderr);
        return 2;
    }
    struct address address = parse(argv[2]);
    read_stdin();
    change(&address, !strcmp(argv[1], "add"));
    return 0;
}
