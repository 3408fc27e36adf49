// SPDX-License-Identifier: Apache-2.0
package import Linux
package import Netlink

// The way back: each step can be repeated, and the mark goes last, so that whoever is killed on the way is found again.
extension LentDevice {
    /// Moves the device out of a container, if it is there; it comes home under its name and with its mark.
    ///
    /// If somebody has the name by now, the device gets another one, and keeps the mark.
    ///
    /// `containerName`: what it is probably called there.
    /// `isThere`: whether a link of this name is the device even if somebody has wiped the mark off.
    /// - Returns: whether it was there.
    /// - Throws: ``KernelError``.
    @discardableResult
    package func moveHome(
        from inside: borrowing NetlinkSocket,
        called containerName: String,
        isThere: Bool = false,
        to home: borrowing NetworkNamespace
    ) throws(KernelError) -> Bool {
        var found = try find(on: inside, likely: containerName)
        if found == nil, isThere {
            let namesake = try inside.details(ofLink: containerName)
            if let namesake, namesake.alias.isEmpty, namesake.link.kind == kind { found = namesake }
        }
        guard let link = found?.link else { return false }
        do throws(KernelError) {
            try inside.execute([
                .setAlias(name, link: link.index, name: link.name),
                .move(link: link.index, name: link.name, to: home.rawDescriptor, as: name),
            ])
        } catch {
            switch error.errno {
            // The namespace dies at this moment.
            case .noSuchDevice: return false
            case .fileExists:
                // Refused before it went, or when it was there.
                guard let left = try inside.details(ofLink: link.index), isMarked(upon: left) else { break }
                let spare = LentDevice.spareName
                try inside.execute(.move(link: link.index, name: link.name, to: home.rawDescriptor, as: spare))
            default: throw error
            }
        }
        return true
    }

    /// What the kernel, too, calls a device that comes back from a dead namespace when its name is taken.
    private static let spareName = "dev%d"

    /// Makes a marked device what it was on the host; that there is none is no error.
    ///
    /// `warnings`: what could not be as it was, in words.
    /// - Throws: ``KernelError``.
    package func restore(
        on host: borrowing NetlinkSocket,
        _ warnings: inout [String]
    ) throws(KernelError) {
        do throws(KernelError) {
            guard let found = try find(on: host, likely: name) else { return }
            try restore(found, on: host, &warnings)
        } catch {
            // Somebody was faster: another container has it.
            guard error.errno == .noSuchDevice else { throw error }
        }
    }

    private func restore(
        _ found: LinkDetails,
        on host: borrowing NetlinkSocket,
        _ warnings: inout [String]
    ) throws(KernelError) {
        let (index, link) = (found.link.index, found.link)
        let isChanged = link.name != name || link.mtu != UInt32(mtu) || address != link.address
        // Neither name nor address of every device can be changed while it is up.
        if isChanged, link.isUp { try host.execute(.setUp(false, link: index, name: link.name)) }
        var hasName = link.name == name
        if !hasName { hasName = try rename(link, on: host, &warnings) }
        let current = hasName ? name : link.name
        if let address, address != link.address {
            try attempt(.setAddress(address, link: index, name: current), on: host, &warnings)
        }
        if mtu > 0, link.mtu != UInt32(mtu) {
            var adjustment = LinkAdjustment()
            adjustment.mtu = mtu
            for request in NetlinkRequest.adjust(index, name: current, adjustment) {
                try attempt(request, on: host, &warnings)
            }
        }
        try attempt(.setUp(isUp, link: index, name: current), on: host, &warnings)
        // What is not called by its name goes on saying what it is.
        if hasName { try host.execute(.setAlias(alias, link: index, name: current)) }
    }

    /// - Returns: false when somebody else has the name.
    private func rename(
        _ link: Link,
        on host: borrowing NetlinkSocket,
        _ warnings: inout [String]
    ) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try host.execute(.rename(link: link.index, name: link.name, to: name))
            return true
        } catch {
            guard error.errno == .fileExists else { throw error }
            warnings.append("link \(name) is now called \(link.name): there is another one of its name on the host")
            return false
        }
    }

    /// What a driver will not do is no reason to keep a container from being deleted, time and again.
    private func attempt(
        _ request: NetlinkRequest,
        on host: borrowing NetlinkSocket,
        _ warnings: inout [String]
    ) throws(KernelError) {
        do throws(KernelError) {
            try host.execute(request)
        } catch {
            let isDriver = [.invalidArgument, .notSupported, .addressNotAvailable, .timedOut].contains(error.errno)
            guard isDriver else { throw error }
            warnings.append("\(error)")
        }
    }
}
