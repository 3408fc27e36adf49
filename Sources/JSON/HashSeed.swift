// SPDX-License-Identifier: Apache-2.0
import CJansson

/// Seeds jansson's hash tables on first use, once per process.
///
/// Left alone, jansson opens `/dev/urandom`, which costs three system calls in every plugin start and is missing in
/// some containers. The kernel has already handed every process 16 random bytes (`AT_RANDOM`, getauxval(3)). glibc
/// makes its stack canary and its pointer guard from their two halves, so the seed is the two halves folded into
/// 32 bits (all that jansson uses), from which neither can be had back. A fixed bit keeps it from being zero, which
/// would mean "choose one yourself".
let hashSeedIsSet: Void = {
    var seed = 1
    if let random = UnsafeRawPointer(bitPattern: UInt(getauxval(UInt(AT_RANDOM)))) {
        for offset in stride(from: 0, to: 16, by: 4) {
            seed ^= Int(random.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }
    json_object_seed(seed | 1)
}()
