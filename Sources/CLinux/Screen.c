// SPDX-License-Identifier: Apache-2.0

#include "Screen.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static struct {
    volatile sig_atomic_t is_taken;
    int input, output;
    struct termios before;
} screen;

void culvert_screen_size(int descriptor, int *columns, int *lines) {
    struct winsize size;
    memset(&size, 0, sizeof size);
    int result = ioctl(descriptor, TIOCGWINSZ, &size);
    *columns = result == 0 ? size.ws_col : 0;
    *lines = result == 0 ? size.ws_row : 0;
}

static void say(const char *text) {
    // Nobody can be told that a terminal is gone.
    if (write(screen.output, text, strlen(text)) < 0) return;
}

void culvert_return_screen(void) {
    if (!screen.is_taken) return;
    screen.is_taken = 0;
    say("\033[?25h\033[?1049l");
    tcsetattr(screen.input, TCSADRAIN, &screen.before);
}

// The signal comes again, and ends the process as it would have.
static void give_up(int number) {
    culvert_return_screen();
    signal(number, SIG_DFL);
    raise(number);
}

int culvert_take_screen(int input, int output) {
    if (screen.is_taken) return 0;
    if (tcgetattr(input, &screen.before) != 0) return errno;
    struct termios now = screen.before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    screen.input = input;
    screen.output = output;
    if (tcsetattr(input, TCSADRAIN, &now) != 0) return errno;
    screen.is_taken = 1;
    const int defects[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    for (size_t each = 0; each < sizeof defects / sizeof *defects; each++) signal(defects[each], give_up);
    say("\033[?1049h\033[?25l");
    return 0;
}

int culvert_open_screen_signals(void) {
    const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    for (size_t each = 0; each < sizeof wanted / sizeof *wanted; each++) sigaddset(&set, wanted[each]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -errno;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}
