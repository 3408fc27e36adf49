// SPDX-License-Identifier: Apache-2.0
// A listening socket of TCP: what Swift cannot spell of its addresses and options.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A listening socket of TCP, close-on-exec, at an address of 4 or 16 octets and a port; 0 is any port that is free.
/// Returns a descriptor that never waits, or a negative errno.
int culvert_listen_stream(const unsigned char *address, size_t count, uint16_t port);

/// Which port a socket is bound to; 0 when it is none of TCP.
uint16_t culvert_bound_port(int descriptor);

/// send(2) without SIGPIPE. Returns how much was sent, or a negative errno.
ssize_t culvert_send_some(int descriptor, const void *octets, size_t count);
