// SPDX-License-Identifier: Apache-2.0
import Linux
import SwitchDaemon

// The daemon behind the plugin `vswitch`: it carries frames between containers.
let directory = Machine.variable("CULVERT_RUN_DIR") ?? ""
do throws(SwitchSettings.Complaint) {
    let settings = try SwitchSettings(
        Array(Machine.arguments.dropFirst()),
        runDirectory: directory.isEmpty ? "/run/culvert" : directory
    )
    do throws(KernelError) {
        try SwitchKeeper(settings).run()
    } catch {
        Machine.log("culvert-switchd: \(error)")
        Machine.exit(1)
    }
} catch {
    Machine.log(error.text)
    Machine.exit(error.isAnswer ? 0 : 64)
}
