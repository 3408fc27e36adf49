// SPDX-License-Identifier: Apache-2.0
// Sockets for who has no address yet, and for a service: what Swift cannot spell of their addresses and options.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A packet(7) socket on a link, close-on-exec, which takes IPv4 packets with UDP to port 68 and nothing else.
/// Returns a descriptor that never waits, or a negative errno.
int culvert_open_client_packets(int link);

/// recvmsg(2) of a packet, without its frame. Says the sender's hardware address (6 octets; zeros for any other kind), and
/// whether the packet has its checksum, which one of this very machine may lack. Returns its length, or a negative errno.
ssize_t culvert_receive_packet(int descriptor, void *buffer, size_t count, unsigned char *sender, int *has_checksum);

/// sendto(2) of an IPv4 packet in a frame to a hardware address of 6 octets. Returns 0, or the errno.
int culvert_send_packet(int descriptor, int link, const void *packet, size_t count, const unsigned char *receiver);

/// A socket of UDP over IPv4, close-on-exec, bound to an address (4 octets), a port and a link.
/// Returns a descriptor that never waits, or a negative errno.
int culvert_open_datagrams(const unsigned char *address, uint16_t port, const char *link);

/// sendto(2) to an address (4 octets) and a port. Returns 0, or the errno.
int culvert_send_datagram(int descriptor, const void *payload, size_t count, const unsigned char *address, uint16_t port);

/// A listening stream socket in the file system, for its owner only. Close-on-exec.
/// Returns a descriptor that never waits, or a negative errno.
int culvert_listen_local(const char *path);

/// Makes an inherited descriptor as if it were ours: close-on-exec, and one that never waits. Returns 0, or the errno.
int culvert_adopt_descriptor(int descriptor);

/// The path a stream socket is bound to, ended by zero. Returns its length, or a negative errno.
ssize_t culvert_local_path(int descriptor, char *path, size_t count);

/// accept4(2), close-on-exec. Returns a descriptor that never waits, or a negative errno.
int culvert_accept(int descriptor);

/// signalfd(2) for SIGTERM and SIGINT, which are blocked from here on. Returns a descriptor, or a negative errno.
int culvert_open_farewells(void);


/// sendto(2) to a datagram socket in the file system; what would have to wait is dropped. Returns 0, or the errno.
int culvert_send_local_datagram(const char *path, const void *payload, size_t count);

/// A connection over TCP to an address (4 or 16 octets) and a port, close-on-exec; connecting, and every read and write,
/// waits for at most the given time. Returns a descriptor, or a negative errno.
int culvert_connect_stream(const unsigned char *address, int length, uint16_t port, unsigned milliseconds);

/// localtime_r(3) of a time in seconds since 1970, as `Nov 22 01:02:03` with an end.
void culvert_log_time(long long seconds, char text[16]);

/// execv(3) with these arguments, ended by NULL. Returns the errno.
int culvert_become(const char *path, char *const *arguments);

/// A socket of UDP over IPv6 for a port of a link, close-on-exec. Returns a descriptor that never waits, or a negative
/// errno.
int culvert_open_datagrams6(uint16_t port, const char *link);

/// sendto(2) to an address (16 octets) on a link, and a port. Returns 0, or the errno.
int culvert_send_datagram6(
    int descriptor, int link, const void *payload, size_t count, const unsigned char *address, uint16_t port);
