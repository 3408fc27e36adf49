// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux
internal import Netlink

extension FastPath {
    /// Attaches the program where a link takes frames in; that it is there already is no error.
    ///
    /// As a filter it stands in for one of another version, and in clsact as it finds it, or makes it; both go with the
    /// link.
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link, `EEXIST` or `EINVAL` when a stranger's filter has our place.
    package borrowing func attach(to link: UInt32) throws(KernelError) {
        guard !isFilter else { return try attachFilter(to: link) }
        let result = culvert_attach_program(program.rawValue, link)
        guard result == 0 || result == EEXIST else {
            throw KernelError("attach the shortcut to link \(link)", Errno(rawValue: result))
        }
    }

    /// Takes the program off a link; that it, or the link, is gone already is no error.
    ///
    /// What it was a filter of stays: it could be another's by now.
    /// - Throws: ``KernelError``.
    package borrowing func detach(from link: UInt32) throws(KernelError) {
        guard !isFilter else { return try detachFilter(from: link) }
        let result = culvert_detach_program(program.rawValue, link)
        guard result == 0 || result == ENOENT || result == ENODEV else {
            throw KernelError("detach the shortcut from link \(link)", Errno(rawValue: result))
        }
    }

    /// Whether this very program is attached to a link.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link, unless the program is a filter.
    package borrowing func isAttached(to link: UInt32) throws(KernelError) -> Bool {
        let number = try programNumber()
        guard !isFilter else { return try NetlinkSocket().programFilter(ofLink: link)?.program == number }
        var numbers = [UInt32](repeating: 0, count: 64)
        let count = culvert_attached_programs(link, &numbers, UInt32(numbers.count))
        guard count >= 0 else { throw KernelError("list the programs of link \(link)", Errno(rawValue: -count)) }
        return numbers.prefix(Int(count)).contains(number)
    }

    private borrowing func programNumber() throws(KernelError) -> UInt32 {
        var number: UInt32 = 0
        let told = culvert_program_number(program.rawValue, &number)
        guard told == 0 else { throw KernelError("ask for the shortcut's number", Errno(rawValue: told)) }
        return number
    }

    private borrowing func attachFilter(to link: UInt32) throws(KernelError) {
        let socket = try NetlinkSocket()
        do throws(KernelError) {
            try socket.execute(
                .addFilterHook(bothWays: true, link: Int32(bitPattern: link), name: "link \(link)")
            )
        } catch {
            // There may be one already, a stranger's as well as ours.
            guard error.errno == .fileExists else { throw error }
        }
        do throws(KernelError) {
            try socket.execute(.addProgramFilter(program.rawValue, link: link, replaces: false))
        } catch {
            guard error.errno == .fileExists, let found = try socket.programFilter(ofLink: link) else { throw error }
            if found.program == (try programNumber()) { return }
            guard found.isOurs else { throw error }
            try socket.execute(.addProgramFilter(program.rawValue, link: link, replaces: true))
        }
    }

    private borrowing func detachFilter(from link: UInt32) throws(KernelError) {
        let socket = try NetlinkSocket()
        do throws(KernelError) {
            guard let found = try socket.programFilter(ofLink: link), found.program == (try programNumber()) else {
                return
            }
            try socket.execute(.deleteProgramFilter(link: link))
        } catch {
            guard error.errno == .noSuchDevice || error.errno == .noSuchFileOrDirectory else { throw error }
        }
    }
}
