// SPDX-License-Identifier: Apache-2.0

/// A version of the CNI specification that this suite speaks, oldest first.
package enum CNIVersion: String, CaseIterable, Comparable, Sendable {
    case v0_1_0 = "0.1.0"
    case v0_2_0 = "0.2.0"
    case v0_3_0 = "0.3.0"
    case v0_3_1 = "0.3.1"
    case v0_4_0 = "0.4.0"
    case v1_0_0 = "1.0.0"
    case v1_1_0 = "1.1.0"

    /// The one that results are kept in between reading and printing, and that VERSION names.
    package static let newest = CNIVersion.v1_1_0

    /// The version written like this; nil for any other text, also for spellings such as `1.0` and `v1.0.0`.
    package init?(_ text: String) {
        self.init(rawValue: text)
    }

    package static func < (older: CNIVersion, newer: CNIVersion) -> Bool {
        older.rank < newer.rank
    }

    private var rank: Int {
        switch self {
        case .v0_1_0: 0
        case .v0_2_0: 1
        case .v0_3_0: 2
        case .v0_3_1: 3
        case .v0_4_0: 4
        case .v1_0_0: 5
        case .v1_1_0: 6
        }
    }
}

extension CNIVersion: CustomStringConvertible {
    package var description: String {
        rawValue
    }
}
