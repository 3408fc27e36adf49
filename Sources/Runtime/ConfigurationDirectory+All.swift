// SPDX-License-Identifier: Apache-2.0
package import CNI

extension ConfigurationDirectory {
    /// A network and the file that describes it.
    package struct Described: Hashable, Sendable {
        /// The whole path.
        package let file: String
        package let network: NetworkList
    }

    /// Every network, in the order in which ``network(named:warn:)`` looks: of two with one name the first is used.
    ///
    /// - Parameter warn: Told of files that were passed over because something is wrong with them.
    /// - Returns: The networks; none when the directory is missing.
    /// - Throws: `CNIError` when the directory cannot be read.
    package func networks(warn: (String) -> Void) throws(CNIError) -> [Described] {
        var found: [Described] = []
        for file in try files(endingIn: [".conflist"]) + files(endingIn: [".conf", ".json"]) {
            do throws(CNIError) {
                let text = try read(file)
                let isList = file.hasSuffix(".conflist")
                let list = isList ? try completed(NetworkList(parsing: text)) : try NetworkList(wrapping: text)
                found.append(Described(file: file, network: list))
            } catch {
                warn("\(file) was passed over: \(error)")
            }
        }
        return found
    }
}
