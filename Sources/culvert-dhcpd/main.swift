// SPDX-License-Identifier: Apache-2.0
import DHCPDaemon
import Linux

// The daemon behind the plugin `dhcp`: it keeps the leases that containers live on.
let directory = Machine.variable("CULVERT_RUN_DIR") ?? ""
do throws(DaemonSettings.Complaint) {
    let settings = try DaemonSettings(
        Array(Machine.arguments.dropFirst()),
        runDirectory: directory.isEmpty ? "/run/culvert" : directory
    )
    do throws(KernelError) {
        try LeaseKeeper(settings).run()
    } catch {
        Machine.log("culvert-dhcpd: \(error)")
        Machine.exit(1)
    }
} catch {
    Machine.log(error.text)
    Machine.exit(error.isAnswer ? 0 : 64)
}
