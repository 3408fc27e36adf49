// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// `dhcp daemon`: becomes the daemon, which is a program of its own.
package enum DHCPDaemonStart {
    /// The daemon's file.
    private static let name = "culvert-dhcpd"

    /// Becomes the daemon if the arguments say so: `dhcp daemon`, or `culvert-cni dhcp daemon`.
    ///
    /// What a service manager handed over, such as sockets, is handed on.
    /// - Returns: the exit status if it could not; nil if something else is meant.
    package static func run(_ arguments: [String]) -> CInt? {
        let words = arguments.prefix(1).map { baseName($0) } + arguments.dropFirst()
        let skipped =
            words.starts(with: ["dhcp", "daemon"]) ? 2 : words.dropFirst().starts(with: ["dhcp", "daemon"]) ? 3 : 0
        guard skipped > 0 else { return nil }
        let rest = Array(words.dropFirst(skipped))
        for directory in directories() {
            let path = "\(directory)/\(name)"
            guard access(path, X_OK) == 0 else { continue }
            let copies = ([path] + rest).map { strdup($0) } + [nil]
            let error = Errno(rawValue: culvert_become(path, copies))
            Machine.log("dhcp: cannot run \(path): \(error)")
            return 1
        }
        Machine.log("dhcp: \(name) is nowhere: install it beside this plugin, in ../libexec/culvert, or in PATH")
        return 1
    }

    private static func baseName(_ path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// Beside this very file, then where helpers of it would be, then PATH.
    private static func directories() -> [String] {
        var directories: [String] = []
        var target = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &target, target.count)
        if length > 0, length < target.count {
            let path = String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
                let own = String(path[..<slash])
                directories = [own, "\(own)/../libexec/culvert"]
            }
        }
        let search = (Machine.variable("PATH") ?? "").utf8.split(separator: UInt8(ascii: ":"))
        return directories + search.map { String(Substring($0)) }
    }
}
