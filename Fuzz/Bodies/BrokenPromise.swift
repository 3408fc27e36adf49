// SPDX-License-Identifier: Apache-2.0

/// An input for which the code does not do what it promises.
package struct BrokenPromise: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// States a promise.
///
/// - Throws: `BrokenPromise` with the sentence when it is not kept.
func promise(_ sentence: String, _ isKept: Bool) throws(BrokenPromise) {
    guard isKept else { throw BrokenPromise(sentence) }
}

/// Runs what is promised not to throw.
///
/// - Throws: `BrokenPromise` with the sentence and the error when it throws.
func promise<Value, Failure: Error>(
    _ sentence: String,
    _ body: () throws(Failure) -> Value
) throws(BrokenPromise) -> Value {
    do {
        return try body()
    } catch {
        throw BrokenPromise("\(sentence), but: \(error)")
    }
}
