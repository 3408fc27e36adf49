// SPDX-License-Identifier: Apache-2.0
package import Meters

/// A metric with its values.
package struct MetricFamily: Hashable, Sendable {
    package enum Value: Hashable, Sendable {
        case count(UInt128)
        /// Of seconds.
        case nanoseconds(UInt64)
        /// Of seconds.
        case histogram(MeterReading.Histogram)
    }

    /// One value, told apart from the others by its labels.
    package struct Sample: Hashable, Sendable {
        /// In the order of the description's.
        package let labels: [String]
        package let value: Value
    }

    package let description: MetricDescription
    package private(set) var samples: [Sample] = []

    package init(_ description: MetricDescription) {
        self.description = description
    }

    /// Adds a value.
    ///
    /// - Precondition: as many labels as the description names, in its order.
    package mutating func add(_ labels: [String] = [], _ value: Value) {
        precondition(labels.count == description.labels.count, "a metric has a value for each of its labels")
        samples.append(Sample(labels: labels, value: value))
    }
}
