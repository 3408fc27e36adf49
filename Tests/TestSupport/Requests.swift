// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
package import Plugin

extension Request {
    /// A request as a runtime would make it for interface `eth0` of container `c1`.
    ///
    /// - Parameters:
    ///   - configuration: the JSON text of standard input.
    ///   - changes: variables besides the usual ones, or instead of them.
    ///   - siblings: the plugins in the binary.
    ///   - beganWall: when the call began; by default nothing is younger.
    ///   - beganBoot: the same.
    /// - Throws: what the plugin would answer to such a call.
    package init(
        _ configuration: String,
        _ changes: [String: String] = [:],
        siblings: [Program] = [],
        beganWall: Int64 = .max,
        beganBoot: Int64 = .max
    ) throws {
        let usual = [
            "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/proc/self/ns/none", "CNI_IFNAME": "eth0",
            "CNI_PATH": "/nowhere",
        ]
        let environment = usual.merging(changes) { $1 }
        let document = try JSONValue(parsing: Array(configuration.utf8))
        self.init(
            invocation: try Invocation(environment: environment),
            configuration: try NetworkConfiguration(document),
            document: document,
            settings: Settings(
                environment: { environment.map { "\($0.key)=\($0.value)" } },
                variable: { environment[$0] }
            ),
            siblings: siblings,
            beganWall: beganWall,
            beganBoot: beganBoot
        )
    }
}
