// SPDX-License-Identifier: Apache-2.0
// What musl lacks and culvert-cni needs. libnl and jansson come from the distribution, compiled for glibc with
// _FORTIFY_SOURCE, and call the checked forms of a few functions by the names that the Linux Standard Base gives them;
// Swift's seeds of hash tables come from arc4random_buf(3).
#define _GNU_SOURCE
#include "CMusl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// As in glibc: a buffer smaller than what may be written to it ends the process.
static void require(size_t wanted, size_t available) {
    if (wanted > available) abort();
}

int __vsnprintf_chk(char *text, size_t count, int flag, size_t size, const char *format, va_list values) {
    (void)flag;
    require(count, size);
    return vsnprintf(text, count, format, values);
}

int __snprintf_chk(char *text, size_t count, int flag, size_t size, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int length = __vsnprintf_chk(text, count, flag, size, format, values);
    va_end(values);
    return length;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list values) {
    (void)flag;
    return vfprintf(file, format, values);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int length = __vfprintf_chk(file, flag, format, values);
    va_end(values);
    return length;
}

int __vasprintf_chk(char **text, int flag, const char *format, va_list values) {
    (void)flag;
    return vasprintf(text, format, values);
}

char *__strncpy_chk(char *target, const char *source, size_t count, size_t size) {
    require(count, size);
    return strncpy(target, source, count);
}

void arc4random_buf(void *buffer, size_t count) {
    for (char *place = buffer; count > 0;) {
        ssize_t got = getrandom(place, count, 0);
        if (got < 0 && errno != EINTR) abort();
        if (got > 0) place += got, count -= (size_t)got;
    }
}
