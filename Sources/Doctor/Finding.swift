// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import JSON

/// Something that is wrong with a host.
package struct Finding: Hashable, Sendable {
    package let kind: FindingKind
    /// The network that suffers; nil when it is not one alone.
    package let network: String?
    /// A file with a place in it, a link, a setting, a rule.
    package let place: String
    /// What was found there, a sentence without a full stop.
    package let detail: String
    /// What to type, or to do.
    package let fix: String
    /// What `--fix` does about it; nil when it should not.
    package let remedy: SafeRemedy?

    package init(
        _ kind: FindingKind,
        network: String? = nil,
        at place: String,
        _ detail: String,
        fix: String? = nil,
        remedy: SafeRemedy? = nil
    ) {
        self.kind = kind
        self.network = network
        self.place = place
        self.detail = detail
        self.fix = fix ?? kind.remedy
        self.remedy = remedy
    }

    package var severity: FindingKind.Severity { kind.severity }

    /// The finding as a report has it.
    package var json: JSONValue {
        .object([
            "id": .string(kind.rawValue), "severity": .string(severity.rawValue),
            "network": network.map { .string($0) } ?? .null, "where": .string(place), "what": .string(detail),
            "why": .string(kind.meaning), "fix": .string(fix), "fixable": .bool(remedy != nil),
        ])
    }
}

/// Something that can be done about a finding without cutting a living container off.
package enum SafeRemedy: Hashable, Sendable {
    /// Writes a setting, by its name below `net/`.
    case setting(String, value: String)
    case linkUp(index: Int32, name: String)
    case address(CIDR, index: Int32, link: String)
    /// Lets everybody run a program.
    case executable(String)
    /// Gives back what dead containers of a network have, by its lease directory.
    case collect(directory: String)
    /// Puts back what is missing from packet filters.
    case reload
}
