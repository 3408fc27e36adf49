// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// The terminal of this process, taken for a table that changes, and given back when this value ends.
package struct Screen: ~Copyable {
    /// What happened while the table stood still.
    package enum Event: Hashable, Sendable {
        /// Nothing, for as long as was asked.
        case timeout
        case key(UInt8)
        case resized
        /// The terminal or the user wants the program to end: the signal's number.
        case ended(CInt)
    }

    private let signals: Descriptor

    /// Takes the terminal.
    ///
    /// - Throws: ``KernelError``; `ENOTTY` where standard input or output is no terminal.
    package init() throws(KernelError) {
        let number = culvert_open_screen_signals()
        guard number >= 0 else { throw KernelError("watch for signals", Errno(rawValue: -number)) }
        let signals = Descriptor(adopting: number)
        try Screen.take()
        self.signals = signals
    }

    deinit {
        culvert_return_screen()
    }

    private static func take() throws(KernelError) {
        let result = isatty(1) == 1 ? culvert_take_screen(0, 1) : ENOTTY
        guard result == 0 else { throw KernelError("use the terminal", Errno(rawValue: result)) }
    }

    /// How large it is now; what it does not say is 80 columns and 24 lines.
    package var size: (columns: Int, lines: Int) {
        var (columns, lines): (CInt, CInt) = (0, 0)
        culvert_screen_size(1, &columns, &lines)
        return (columns > 0 ? Int(columns) : 80, lines > 0 ? Int(lines) : 24)
    }

    /// Shows these lines and nothing else.
    ///
    /// - Throws: ``KernelError`` when the terminal is gone.
    package func show(_ lines: [String]) throws(KernelError) {
        // Every line is written over, and what is left of the old one is erased: nothing flickers (ECMA-48, CUP, EL, ED).
        let text = "\u{1b}[H" + lines.map { "\($0)\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J"
        try Machine.writeStandardOutput(Array(text.utf8))
    }

    /// Waits for a key or a signal.
    ///
    /// A program that is stopped gives the terminal back, and takes it again when it goes on.
    ///
    /// - Parameter milliseconds: for so long at most.
    /// - Returns: what came first.
    /// - Throws: ``KernelError``.
    package func wait(milliseconds: Int64) throws(KernelError) -> Event {
        var waiting = [
            pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&waiting, 2, CInt(clamping: max(0, milliseconds))) >= 0 || Errno.current == .interrupted else {
            throw KernelError("wait for keys", Errno.current)
        }
        if waiting[0].revents != 0 {
            switch culvert_next_signal(signals.rawValue) {
            case SIGWINCH: return .resized
            case SIGTSTP:
                culvert_return_screen()
                kill(getpid(), SIGSTOP)
                try Screen.take()
                return .resized
            case 0: return .timeout
            case let number: return .ended(number)
            }
        }
        guard waiting[1].revents != 0 else { return .timeout }
        var key: UInt8 = 0
        return read(0, &key, 1) == 1 ? .key(key) : .ended(SIGHUP)
    }
}
