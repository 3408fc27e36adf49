// SPDX-License-Identifier: Apache-2.0
#include "peer.h"
#include <dlfcn.h>
#include <stdio.h>

const peer_tables *peer_open(const char *path) {
    void *object = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    const peer_tables *tables = object ? dlsym(object, "tables") : NULL;
    if (!tables) fprintf(stderr, "forwarding-bench: %s\n", dlerror());
    return tables;
}
