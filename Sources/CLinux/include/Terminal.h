// SPDX-License-Identifier: Apache-2.0
// What a program for people asks of the kernel: how large the screen is, and what changes in a directory.
#pragma once

#include <sys/inotify.h>

/// How many columns the terminal behind a descriptor has, 0 when it does not say. Negative when it is no terminal.
int culvert_terminal_width(int descriptor);

/// inotify_init1(2), close-on-exec. Returns a descriptor, or a negative errno.
int culvert_open_watch(void);

/// inotify_add_watch(2) for names that appear, whose writing ends or that disappear in a directory, and for the end of
/// the directory itself. Returns the watch's number, or a negative errno.
int culvert_watch_directory(int descriptor, const char *path);

/// localtime_r(3) of a time in seconds since 1970, as HH:MM:SS with an end.
void culvert_local_time(long long seconds, char text[9]);

/// Writes a text to standard error, on a line that stays open, if culvert_hush is not called for so long. One text at a
/// time; where there cannot be a thread, none is written.
void culvert_announce(const char *text, unsigned milliseconds);

/// Ends the wait of culvert_announce, and takes its line away again.
void culvert_hush(void);
