// SPDX-License-Identifier: Apache-2.0
import Linux

extension Replay {
    /// Takes out of a story whatever it is not about (delta debugging: Zeller and Hildebrandt, 2002).
    ///
    /// - Returns: a story that ends in a difference, and none of whose steps can be left out; and that difference.
    /// - Throws: ``KernelError``.
    mutating func minimize(_ story: Story, _ first: Difference) throws(KernelError) -> (Story, Difference) {
        var difference = first
        var steps = Array(story.steps[...first.step])
        // A story whose end is cut off may not end in a difference any more, if that was seen only later.
        if let again = try tell(Story(story.scene, steps)) { difference = again } else { steps = story.steps }
        var size = max(1, steps.count / 2)
        while true {
            var start = 0
            var isShorter = false
            while start < steps.count {
                let end = min(steps.count, start + size)
                let rest = Array(steps[..<start] + steps[end...])
                if !rest.isEmpty, let found = try tell(Story(story.scene, rest)) {
                    difference = found
                    steps = rest
                    isShorter = true
                } else {
                    start = end
                }
            }
            if size > 1 {
                size = max(1, size / 2)
            } else if !isShorter {
                return (Story(story.scene, steps), difference)
            }
        }
    }
}
