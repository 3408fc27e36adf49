// SPDX-License-Identifier: Apache-2.0
import Addressing
import Firewalld
import Glibc
import Linux
import TestSupport
import Testing

private let hasFirewalld = ["/usr/sbin/firewalld", "/usr/bin/dbus-daemon", "/usr/bin/dbus-send"].allSatisfy {
    (path: String) in
    access(path, X_OK) == 0
}

/// A bus of its own, and firewalld on it, in the network namespace of the caller; ends when told to, and when the caller
/// dies.
///
/// In namespaces of its own it sees no file of the machine that it might write, and no process that it might end.
private let script = """
    set -e
    for place in /run /etc/firewalld /var/log; do mount -t tmpfs tmpfs $place; done
    mkdir /run/dbus
    cat > /run/bus.conf <<END
    <busconfig>
      <type>system</type><listen>unix:path=$1/bus</listen><auth>EXTERNAL</auth>
      <policy context="default">
        <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
        <allow send_requested_reply="true"/><allow receive_requested_reply="true"/>
      </policy>
    </busconfig>
    END
    dbus-daemon --config-file=/run/bus.conf --nopidfile --fork
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$1/bus
    if [ "$2" = firewalld ]; then
        /usr/sbin/firewalld --nofork --nopid >&2 &
        ask="dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus"
        until $ask org.freedesktop.DBus.NameHasOwner string:org.fedoraproject.FirewallD1 | grep -q true; do :; done
    fi
    echo > $1/ready
    read line < $1/end
    """

/// Runs a body in a new network namespace with a bus; with its address.
private func withBus<Value: Sendable>(
    _ daemon: String = "firewalld",
    _ body: @escaping @Sendable (String) throws -> Value
) throws -> Value {
    try withTemporaryDirectory { directory in
        for name in ["ready", "end"] {
            guard mkfifo("\(directory)/\(name)", 0o600) == 0 else { throw KernelError("make fifo", .current) }
        }
        return try inNewNamespace {
            let path = "\(try threadPath())/ns/net"
            let process = try OwnThread {
                try ChildProcess.run(
                    "/usr/bin/setpriv",
                    [
                        "setpriv", "--pdeathsig", "KILL", "nsenter", "--net=\(path)", "unshare", "--mount", "--pid",
                        "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "timeout", "120", "sh",
                        "-c", script, "sh", directory, daemon,
                    ],
                    environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                    input: [],
                    errorLimit: 64 << 10
                )
            }
            // Opens when the script does, or has an end when it is over before.
            let ready = try Descriptor(opening: "\(directory)/ready", O_RDWR | O_NONBLOCK)
            var waiting = pollfd(fd: ready.rawValue, events: Int16(POLLIN), revents: 0)
            let outcome =
                poll(&waiting, 1, 100_000) == 1
                ? Result { try body("unix:path=\(directory)/bus") } : .failure(NotReady(log: ""))
            let end = try Descriptor(opening: "\(directory)/end", O_RDWR)
            try end.writeAll([UInt8(ascii: "\n")], "end")
            let child = try process.join()
            guard case .failure(is NotReady) = outcome else { return try outcome.get() }
            throw NotReady(log: String(decoding: child.errors, as: UTF8.self))
        }
    }
}

private struct NotReady: Error {
    let log: String
}

private func threadPath() throws -> String {
    var target = [CChar](repeating: 0, count: 256)
    let count = readlink("/proc/thread-self", &target, 255)
    guard count > 0 else { throw KernelError("read /proc/thread-self", .current) }
    return "/proc/" + String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func address(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw FirewalldError.malformed(text) }
    return address
}

/// What one call answered.
private enum Answer: Hashable, Sendable {
    case yes
    case no
    case refused(String)

    init(_ body: () throws(FirewalldError) -> Bool) {
        do throws(FirewalldError) {
            self = try body() ? .yes : .no
        } catch {
            guard case .refused(let name, let code, _) = error else {
                self = .refused("\(error)")
                return
            }
            self = .refused(code.isEmpty ? name : code)
        }
    }
}

@Suite("firewalld", .enabled(if: canUnshare && hasFirewalld, "needs root, firewalld and dbus"))
struct FirewallDaemonTests {
    @Test("An address joins a zone, is found there, and leaves it", arguments: ["10.1.2.3", "fd00::3"])
    func sources(text: String) throws {
        let host = try address(text)
        let answers = try withBus { bus in
            guard var daemon = try FirewallDaemon.find(at: bus) else { return [Answer.refused("no firewalld")] }
            return [
                Answer { () throws(FirewalldError) in try daemon.hasSource(host, inZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.removeSource(host, fromZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.addSource(host, toZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.addSource(host, toZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.hasSource(host, inZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.hasSource(host, inZone: "public") },
                Answer { () throws(FirewalldError) in try daemon.addSource(host, toZone: "public") },
                Answer { () throws(FirewalldError) in try daemon.removeSource(host, fromZone: "public") },
                Answer { () throws(FirewalldError) in try daemon.addSource(host, toZone: "no-zone") },
                Answer { () throws(FirewalldError) in try daemon.removeSource(host, fromZone: "trusted") },
                Answer { () throws(FirewalldError) in try daemon.hasSource(host, inZone: "trusted") },
            ]
        }
        #expect(
            answers == [
                .no, .no, .yes, .no, .yes, .no, .refused("ZONE_CONFLICT"), .refused("ZONE_CONFLICT"),
                .refused("INVALID_ZONE"), .yes, .no,
            ]
        )
    }

    @Test("A bus without firewalld is no firewalld")
    func absent() throws {
        let (isThere, isRunning) = try withBus("nobody") { bus in
            let daemon = try FirewallDaemon.find(at: bus)
            let isThere =
                switch daemon {
                case .some: true;
                case .none: false
                }
            return (isThere, FirewallDaemon.isRunning(at: bus))
        }
        #expect(!isThere)
        #expect(!isRunning)
    }

    @Test("firewalld is seen to be running")
    func running() throws {
        #expect(try withBus { FirewallDaemon.isRunning(at: $0) })
    }
}
