// SPDX-License-Identifier: Apache-2.0

#include "Streams.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int culvert_listen_stream(const unsigned char *address, size_t count, uint16_t port) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr *place = (struct sockaddr *)&four;
    socklen_t length = sizeof four;
    if (count == 16) {
        memcpy(&six.sin6_addr, address, 16);
        place = (struct sockaddr *)&six;
        length = sizeof six;
    } else {
        memcpy(&four.sin_addr, address, 4);
    }
    int descriptor = socket(place->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int yes = 1;
    // After a restart connections of the one before may still linger on the port.
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(descriptor, place, length) != 0 || listen(descriptor, 128) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

uint16_t culvert_bound_port(int descriptor) {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } place;
    socklen_t length = sizeof place;
    if (getsockname(descriptor, &place.any, &length) != 0) return 0;
    if (place.any.sa_family == AF_INET) return ntohs(place.four.sin_port);
    return place.any.sa_family == AF_INET6 ? ntohs(place.six.sin6_port) : 0;
}

ssize_t culvert_send_some(int descriptor, const void *octets, size_t count) {
    ssize_t sent = send(descriptor, octets, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}
