// SPDX-License-Identifier: Apache-2.0

#include "Terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int culvert_terminal_width(int descriptor) {
    struct winsize size;
    memset(&size, 0, sizeof size);
    if (!isatty(descriptor)) return -1;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int culvert_open_watch(void) {
    int descriptor = inotify_init1(IN_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_watch_directory(int descriptor, const char *path) {
    unsigned mask = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_ONLYDIR;
    int watch = inotify_add_watch(descriptor, path, mask);
    return watch < 0 ? -errno : watch;
}

void culvert_local_time(long long seconds, char text[9]) {
    time_t moment = (time_t)seconds;
    struct tm parts;
    text[0] = 0;
    if (localtime_r(&moment, &parts)) strftime(text, 9, "%H:%M:%S", &parts);
}
