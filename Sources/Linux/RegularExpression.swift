// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// An extended regular expression of POSIX, over octets.
///
/// regex(7), regcomp(3).
package struct RegularExpression: ~Copyable {
    /// Why a text is no expression, in the C library's words.
    package struct SyntaxError: Error, Hashable, Sendable {
        package let problem: String
    }

    private let compiled: OpaquePointer

    /// - Throws: ``SyntaxError``.
    package init(_ expression: String, ignoringCase: Bool = false) throws(SyntaxError) {
        var problem: CInt = 0
        guard let compiled = culvert_compile_expression(expression, ignoringCase ? 1 : 0, &problem) else {
            throw SyntaxError(problem: String(cString: culvert_expression_problem(problem)))
        }
        self.compiled = compiled
    }

    deinit {
        culvert_free_expression(compiled)
    }

    /// Whether the expression fits any part of a text.
    package borrowing func matches(_ text: String) -> Bool {
        culvert_expression_matches(compiled, text) != 0
    }
}
