// SPDX-License-Identifier: Apache-2.0

#include "Terminal.h"

#include <errno.h>
#include <pthread.h>
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

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t over;
    pthread_t thread;
    const char *text;
    struct timespec moment;
    int is_waiting, is_over, is_shown;
} notice = {.mutex = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};

static void *show_later(void *unused) {
    (void)unused;
    pthread_mutex_lock(&notice.mutex);
    int result = 0;
    while (!notice.is_over && result == 0) result = pthread_cond_timedwait(&notice.over, &notice.mutex, &notice.moment);
    if (!notice.is_over) notice.is_shown = write(2, notice.text, strlen(notice.text)) > 0;
    pthread_mutex_unlock(&notice.mutex);
    return NULL;
}

void culvert_announce(const char *text, unsigned milliseconds) {
    if (notice.is_waiting) return;
    clock_gettime(CLOCK_REALTIME, &notice.moment);
    notice.moment.tv_sec += milliseconds / 1000 + (notice.moment.tv_nsec + milliseconds % 1000 * 1000000L) / 1000000000L;
    notice.moment.tv_nsec = (notice.moment.tv_nsec + milliseconds % 1000 * 1000000L) % 1000000000L;
    notice.text = text;
    notice.is_over = notice.is_shown = 0;
    notice.is_waiting = pthread_create(&notice.thread, NULL, show_later, NULL) == 0;
}

void culvert_hush(void) {
    if (!notice.is_waiting) return;
    pthread_mutex_lock(&notice.mutex);
    notice.is_over = 1;
    pthread_cond_signal(&notice.over);
    pthread_mutex_unlock(&notice.mutex);
    pthread_join(notice.thread, NULL);
    notice.is_waiting = 0;
    if (notice.is_shown && write(2, "\r\033[K", 4) < 0) return;
}
