// SPDX-License-Identifier: Apache-2.0
import Linux

// Stories by chance, told to a bridge of the kernel and to `Forwarding`. Ends with 0 when nothing was different, with 1
// and the shortest story that shows it when something was, and with 2 when it could not be found out. Everything happens
// in a network namespace of its own, for which it takes root.

do throws(KernelError) {
    guard let campaign = Campaign(Array(Machine.arguments.dropFirst())) else {
        Machine.log(Campaign.usage)
        Machine.exit(64)
    }
    Machine.exit(try campaign.run() ? 0 : 1)
} catch {
    Machine.log("forwarding-replay: \(error)")
    Machine.exit(2)
}
