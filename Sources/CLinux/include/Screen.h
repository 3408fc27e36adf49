// SPDX-License-Identifier: Apache-2.0
// A terminal that a program takes for itself, and gives back however it ends.
#pragma once

/// How many columns and lines the terminal behind a descriptor has; 0 when it does not say.
void culvert_screen_size(int descriptor, int *columns, int *lines);

/// Takes the terminal behind the descriptors: keys come one by one and are not shown, what was on the screen is kept
/// aside, the cursor is hidden. Signals that tell of a defect give it back first. Returns 0, or the errno.
int culvert_take_screen(int input, int output);

/// Gives the terminal back as it was; nothing when it was not taken.
void culvert_return_screen(void);

/// signalfd(2) for what ends, stops or resizes a program with a screen: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP and
/// SIGWINCH, which are blocked from here on. Returns a descriptor, or a negative errno.
int culvert_open_screen_signals(void);

/// The next signal of that descriptor; 0 when there is none.
int culvert_next_signal(int descriptor);
