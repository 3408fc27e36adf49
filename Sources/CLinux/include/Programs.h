// SPDX-License-Identifier: Apache-2.0
// bpf(2), whose arguments Swift cannot spell: programs that run in the kernel, and the maps that they share.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// enum bpf_map_type
enum culvert_map_kind { culvert_map_hash = 1, culvert_map_array = 2, culvert_map_array_by_processor = 6 };

/// BPF_MAP_CREATE; entries of a hash take memory when they are made. Returns a descriptor, close-on-exec, or a negative errno.
int culvert_make_map(enum culvert_map_kind kind, uint32_t key, uint32_t value, uint32_t entries, const char *name);

/// BPF_PROG_LOAD of a program for traffic control. A log of the kernel's reasons is written if there is room for one.
/// Returns a descriptor, close-on-exec, or a negative errno.
int culvert_load_program(const void *instructions, uint32_t count, const char *name, char *log, uint32_t room);

/// BPF_OBJ_PIN of a map or a program. Returns 0, or the errno.
int culvert_pin(int descriptor, const char *path);

/// BPF_OBJ_GET. Returns a descriptor, close-on-exec, or a negative errno.
int culvert_open_pinned(const char *path);

/// BPF_MAP_LOOKUP_ELEM. Returns 0, or the errno.
int culvert_map_value(int map, const void *key, void *value);

/// BPF_MAP_UPDATE_ELEM, whether there is one or not. Returns 0, or the errno.
int culvert_map_set(int map, const void *key, const void *value);

/// The same unless there is one: then EEXIST.
int culvert_map_add(int map, const void *key, const void *value);

/// BPF_MAP_DELETE_ELEM. Returns 0, or the errno.
int culvert_map_remove(int map, const void *key);

/// BPF_MAP_GET_NEXT_KEY; without a key, the first. Returns 0, or the errno.
int culvert_map_next(int map, const void *key, void *next);

/// BPF_PROG_ATTACH where a link of the thread's network namespace takes frames in (tcx). Returns 0, or the errno.
int culvert_attach_program(int program, uint32_t link);

/// Leaves that to a process of its own, which begins after so many milliseconds, with nothing open but what it needs; until it
/// ends it holds a lock on a directory. Returns 0, or the errno when there is no such process.
int culvert_attach_later(int program, uint32_t link, const char *directory, unsigned milliseconds);

/// Whether such a process holds a directory. Returns 1, 0, or a negative errno.
int culvert_awaits_attaching(const char *directory);

/// BPF_PROG_DETACH from there. Returns 0, or the errno.
int culvert_detach_program(int program, uint32_t link);

/// BPF_PROG_QUERY of there. Returns how many programs there are, of which at most so many were written, or a negative
/// errno.
int culvert_attached_programs(uint32_t link, uint32_t *numbers, uint32_t room);

/// BPF_PROG_QUERY where a link sends frames (tcx). Returns how many programs there are, or a negative errno.
int culvert_sending_programs(uint32_t link);

/// The number of a program in the kernel. Returns 0, or the errno.
int culvert_program_number(int program, uint32_t *number);

/// How many programs of a name, all but the one numbered `own`, are attached where a link takes frames in; and takes them off.
/// Returns their number, or a negative errno.
int culvert_former_programs(uint32_t link, uint32_t own, const char *name, int detaches);

/// Whether a directory is in a file system for maps and programs. Returns 1, 0, or a negative errno.
int culvert_holds_programs(const char *path);

/// mount(2) of a file system for maps and programs. Returns 0, or the errno.
int culvert_mount_programs(const char *path);

/// The number of the thread's network namespace, which no other has until the next boot (SO_NETNS_COOKIE). Returns 0, or
/// the errno.
int culvert_namespace_cookie(uint64_t *cookie);
