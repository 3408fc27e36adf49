// SPDX-License-Identifier: Apache-2.0
package import CNI

/// One CNI plugin: what the binary answers as when it is called by this name.
package struct Program: Sendable {
    /// As in a configuration's `type`, and as the file in the CNI directory is named.
    package let name: String
    /// One sentence for a person who runs it by hand.
    package let about: String
    /// The versions of the specification it speaks.
    package let versions: [CNIVersion]
    /// Answers a verb.
    ///
    /// Anything the plugin changed before it throws has been taken back.
    package let answer: @Sendable (Verb) throws(CNIError) -> Answer

    package init(
        name: String,
        about: String,
        versions: [CNIVersion] = CNIVersion.allCases,
        answer: @escaping @Sendable (Verb) throws(CNIError) -> Answer
    ) {
        self.name = name
        self.about = about
        self.versions = versions
        self.answer = answer
    }
}

/// What a runtime asks of a plugin.
///
/// CNI 1.1.0, section 2; VERSION is answered for all plugins alike.
package enum Verb: Sendable {
    case add(Request)
    case check(Request)
    case delete(Request)
    case status(Request)
    /// Removes what belongs to the network but to none of the surviving attachments.
    case collectGarbage(Request, surviving: [AttachmentID])

    package var request: Request {
        switch self {
        case .add(let request), .check(let request), .delete(let request), .status(let request),
            .collectGarbage(let request, _):
            request
        }
    }
}

/// What goes to standard output.
package enum Answer: Hashable, Sendable {
    case nothing
    case result(AddResult)
}
