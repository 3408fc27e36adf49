// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Programs.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

enum { tcx_ingress = 46, tcx_egress };  // enum bpf_attach_type, of Linux 6.6 and later

/// The beginnings of union bpf_attr for what headers older than Linux 6.6 do not have.
struct attachment {
    uint32_t link, program, kind, flags, replaced, relative;
    uint64_t revision;
};

struct query {
    uint32_t link, kind, flags, attached;
    uint64_t numbers;
    uint32_t count, padding;
    uint64_t each_flags, links, link_flags, revision;
};

static int call(int command, const void *arguments, unsigned size) {
    int result;
    do result = (int)syscall(SYS_bpf, command, arguments, size);
    while (result < 0 && errno == EAGAIN && command == BPF_PROG_LOAD);
    return result < 0 ? -errno : result;
}

static void copy_name(char *into, const char *name) {
    strncpy(into, name, BPF_OBJ_NAME_LEN - 1);
}

int culvert_make_map(enum culvert_map_kind kind, uint32_t key, uint32_t value, uint32_t entries, const char *name) {
    union bpf_attr a = {.map_type = kind, .key_size = key, .value_size = value, .max_entries = entries};
    if (kind == culvert_map_hash) a.map_flags = BPF_F_NO_PREALLOC;
    copy_name(a.map_name, name);
    return call(BPF_MAP_CREATE, &a, sizeof a);
}

int culvert_load_program(const void *instructions, uint32_t count, const char *name, char *log, uint32_t room) {
    union bpf_attr a = {
        .prog_type = BPF_PROG_TYPE_SCHED_CLS,
        .insns = (uintptr_t)instructions,
        .insn_cnt = count,
        .license = (uintptr_t) "GPL",
        .log_level = room ? 1 : 0,
        .log_buf = (uintptr_t)log,
        .log_size = room,
    };
    copy_name(a.prog_name, name);
    return call(BPF_PROG_LOAD, &a, sizeof a);
}

int culvert_pin(int descriptor, const char *path) {
    union bpf_attr a = {.pathname = (uintptr_t)path, .bpf_fd = (uint32_t)descriptor};
    return -call(BPF_OBJ_PIN, &a, sizeof a);
}

int culvert_open_pinned(const char *path) {
    union bpf_attr a = {.pathname = (uintptr_t)path};
    return call(BPF_OBJ_GET, &a, sizeof a);
}

int culvert_map_value(int map, const void *key, void *value) {
    union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)key, .value = (uintptr_t)value};
    return -call(BPF_MAP_LOOKUP_ELEM, &a, sizeof a);
}

int culvert_map_set(int map, const void *key, const void *value) {
    union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)key, .value = (uintptr_t)value};
    return -call(BPF_MAP_UPDATE_ELEM, &a, sizeof a);
}

int culvert_map_add(int map, const void *key, const void *value) {
    union bpf_attr a = {
        .map_fd = (uint32_t)map, .key = (uintptr_t)key, .value = (uintptr_t)value, .flags = BPF_NOEXIST
    };
    return -call(BPF_MAP_UPDATE_ELEM, &a, sizeof a);
}

int culvert_map_remove(int map, const void *key) {
    union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)key};
    return -call(BPF_MAP_DELETE_ELEM, &a, sizeof a);
}

int culvert_map_next(int map, const void *key, void *next) {
    union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)key, .next_key = (uintptr_t)next};
    return -call(BPF_MAP_GET_NEXT_KEY, &a, sizeof a);
}

int culvert_attach_program(int program, uint32_t link) {
    struct attachment a = {.link = link, .program = (uint32_t)program, .kind = tcx_ingress};
    return -call(BPF_PROG_ATTACH, &a, sizeof a);
}

int culvert_detach_program(int program, uint32_t link) {
    struct attachment a = {.link = link, .program = (uint32_t)program, .kind = tcx_ingress};
    return -call(BPF_PROG_DETACH, &a, sizeof a);
}

int culvert_attached_programs(uint32_t link, uint32_t *numbers, uint32_t room) {
    struct query a = {.link = link, .kind = tcx_ingress, .numbers = (uintptr_t)numbers, .count = room};
    int result = call(BPF_PROG_QUERY, &a, sizeof a);
    return result < 0 && result != -ENOSPC ? result : (int)a.count;
}

int culvert_sending_programs(uint32_t link) {
    struct query a = {.link = link, .kind = tcx_egress};
    int result = call(BPF_PROG_QUERY, &a, sizeof a);
    return result < 0 && result != -ENOSPC ? result : (int)a.count;
}

int culvert_program_number(int program, uint32_t *number) {
    struct bpf_prog_info info = {0};
    union bpf_attr a = {.info = {.bpf_fd = (uint32_t)program, .info_len = sizeof info, .info = (uintptr_t)&info}};
    int result = call(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof a);
    *number = info.id;
    return -result;
}

int culvert_holds_programs(const char *path) {
    struct statfs status;
    if (statfs(path, &status) != 0) return -errno;
    return (unsigned)status.f_type == BPF_FS_MAGIC;
}

int culvert_mount_programs(const char *path) {
    return mount("bpf", path, "bpf", 0, "mode=0700") == 0 ? 0 : errno;
}

int culvert_namespace_cookie(uint64_t *cookie) {
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return errno;
    socklen_t size = sizeof *cookie;
    int result = getsockopt(probe, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) == 0 ? 0 : errno;
    close(probe);
    return result;
}

/// Opens a program by its number if it bears a name. Returns a descriptor, or a negative errno: ENOENT for another name.
static int open_numbered(uint32_t number, const char *name) {
    union bpf_attr a = {.prog_id = number};
    int program = call(BPF_PROG_GET_FD_BY_ID, &a, sizeof a);
    if (program < 0) return program;
    struct bpf_prog_info info = {0};
    union bpf_attr b = {.info = {.bpf_fd = (uint32_t)program, .info_len = sizeof info, .info = (uintptr_t)&info}};
    int result = call(BPF_OBJ_GET_INFO_BY_FD, &b, sizeof b);
    if (result == 0 && strncmp(info.name, name, sizeof info.name) == 0) return program;
    close(program);
    return result < 0 ? result : -ENOENT;
}

int culvert_former_programs(uint32_t link, uint32_t own, const char *name, int detaches) {
    uint32_t numbers[64];
    int count = culvert_attached_programs(link, numbers, 64), found = 0;
    if (count < 0) return count;
    for (int i = 0; i < count && i < 64; i++) {
        if (numbers[i] == own) continue;
        int program = open_numbered(numbers[i], name);
        // Gone meanwhile, or a stranger's.
        if (program == -ENOENT) continue;
        if (program < 0) return program;
        found++;
        int result = detaches ? culvert_detach_program(program, link) : 0;
        close(program);
        if (result != 0 && result != ENOENT && result != ENODEV) return -result;
    }
    return found;
}
