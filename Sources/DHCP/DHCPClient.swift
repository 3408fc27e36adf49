// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// The client's side of DHCP for one address of one interface: what to send and when, as values.
///
/// It has neither a clock nor a socket: whoever runs it says what happened and when, does what it asks for, and wakes it
/// at ``deadline``. Times are in nanoseconds of any clock that goes on while the machine sleeps.
///
/// Source: RFC 2131, 4.4; the same does for DHCPv6, see ``DHCPv6Codec``.
package struct DHCPClient: Sendable {
    /// Who asks, and for what.
    package struct Identity: Hashable, Sendable {
        /// Of the address that is wanted.
        package let family: AddressFamily
        package let hardware: MACAddress
        /// Option 61.
        package let clientIdentifier: [UInt8]
        /// Sent with every message besides.
        package let options: [DHCPOptions.Entry]
        /// What the server is asked to tell.
        package let requested: [DHCPOptionCode]

        package init(
            family: AddressFamily = .v4,
            hardware: MACAddress,
            clientIdentifier: [UInt8],
            options: [DHCPOptions.Entry],
            requested: [DHCPOptionCode]
        ) {
            self.family = family
            self.hardware = hardware
            self.clientIdentifier = clientIdentifier
            self.options = options
            self.requested = requested
        }
    }

    /// How patient it is, in nanoseconds.
    package struct Patience: Hashable, Sendable {
        /// How long a server may think about a request before the search begins anew.
        package let answer: Int64
        /// The longest time between two messages of a search.
        package let longestPause: Int64
        /// Servers are told to answer to everybody on the link.
        package let wantsBroadcast: Bool

        package init(answer: Int64, longestPause: Int64, wantsBroadcast: Bool) {
            self.answer = answer
            self.longestPause = longestPause
            self.wantsBroadcast = wantsBroadcast
        }
    }

    package enum State: String, Hashable, Sendable {
        case initial = "init"
        case selecting
        case requesting
        case bound
        case renewing
        case rebinding
        case expired
        case released
    }

    package enum Event: Hashable, Sendable {
        /// Look for a server.
        case start
        case received(DHCPMessage)
        /// ``deadline`` is over.
        case wake
        /// Give the address back.
        case release
    }

    package enum Destination: Hashable, Sendable {
        case everybody
        /// From the address that was granted.
        case server(IPAddress)
    }

    package enum Action: Hashable, Sendable {
        case send(DHCPMessage, to: Destination)
        /// The address may be used from now on, or on: ``terms``.
        case granted
        /// The address may not be used any more.
        case lost(DHCPProblem)
        /// Worth telling somebody: what a server did that makes no sense.
        case note(DHCPProblem)
    }

    package let identity: Identity
    let patience: Patience
    var chance: Chance
    package internal(set) var state = State.initial
    /// What was granted last; still there when it is expired.
    package internal(set) var terms: DHCPTerms?
    /// The acknowledgement that ``terms`` are from, to be remembered.
    package internal(set) var acknowledgement: DHCPMessage?
    /// When the request was sent that was granted.
    package internal(set) var grantedAt: Int64 = 0
    /// How often the time was prolonged.
    package internal(set) var renewals = 0
    /// When it wants to be woken; nil is never.
    package internal(set) var deadline: Int64?

    var transaction: UInt32 = 0
    /// When the search or the renewal began.
    var began: Int64 = 0
    /// Of the exchange that runs.
    var attempt = 0
    /// When the request was sent first.
    var requestedAt: Int64 = 0
    /// Since the last search that succeeded: refusals and requests without answer.
    var failures = 0
    var offer: DHCPMessage?

    static let second: Int64 = 1_000_000_000

    /// A client that has nothing yet.
    ///
    /// `seed`: nobody else should know it.
    package init(_ identity: Identity, patience: Patience, seed: UInt64) {
        self.identity = identity
        self.patience = patience
        chance = Chance(seed: seed)
    }

    /// A client that goes on with what was granted before.
    ///
    /// - Throws: ``DHCPProblem`` when the acknowledgement grants nothing.
    package init(
        _ identity: Identity,
        patience: Patience,
        seed: UInt64,
        resuming acknowledgement: DHCPMessage,
        grantedAt: Int64,
        renewals: Int
    ) throws(DHCPProblem) {
        let terms = try DHCPTerms(acknowledgement)
        self.init(identity, patience: patience, seed: seed)
        self.terms = terms
        self.acknowledgement = acknowledgement
        self.grantedAt = grantedAt
        self.renewals = renewals
        state = .bound
        deadline = terms.leaseSeconds.map { _ in renewalAt(terms) }
    }

    /// When the address may not be used any more; nil is never, or that there is none.
    package var expiresAt: Int64? {
        terms?.leaseSeconds.map { grantedAt + Int64($0) * DHCPClient.second }
    }

    /// Whether messages are awaited: else there is nothing to listen for.
    package var isListening: Bool {
        [.selecting, .requesting, .renewing, .rebinding].contains(state)
    }

    /// Takes note of what happened, and says what to do about it, in order.
    ///
    /// `now`: never before an earlier one.
    package mutating func handle(_ event: Event, at now: Int64) -> [Action] {
        switch event {
        case .start:
            began = now
            failures = 0
            return discover(at: now)
        case .wake:
            guard let deadline, deadline <= now else { return [] }
            return wake(at: now)
        case .received(let message):
            guard isListening, isForMe(message) else { return [] }
            return receive(message, at: now)
        case .release: return release()
        }
    }

    /// Answers bear the question's number, and the client's address; the client's name only if it is ours.
    ///
    /// RFC 6842, 3.
    private func isForMe(_ message: DHCPMessage) -> Bool {
        message.transaction == transaction && message.clientHardware == identity.hardware
            && (message.options[.clientIdentifier] ?? identity.clientIdentifier) == identity.clientIdentifier
    }

    private mutating func wake(at now: Int64) -> [Action] {
        if terms != nil, let end = expiresAt, now >= end { return lose("the lease expired") }
        switch state {
        case .initial, .expired, .released: return []
        // A pause after a failure is over, or nobody offered anything.
        case .selecting: return discover(at: now)
        case .requesting:
            guard now - requestedAt < patience.answer, let offer else {
                failures += 1
                return discover(at: now)
            }
            return request(offer, at: now)
        case .bound, .renewing, .rebinding: return renew(at: now)
        }
    }

    private mutating func receive(_ message: DHCPMessage, at now: Int64) -> [Action] {
        switch (state, message.kind) {
        case (.selecting, .offer): return consider(message, at: now)
        case (.requesting, .refusal):
            guard isFromChosenServer(message) else { return [] }
            failures += 1
            return [.note(DHCPProblem("the server refused its own offer\(DHCPClient.reason(message))"))]
                + pause(at: now)
        case (.renewing, .refusal), (.rebinding, .refusal):
            // Asks at once whether the server would give the same address again. RFC 2131, 4.4.5.
            let note = Action.note(DHCPProblem("the server refused to prolong the lease\(DHCPClient.reason(message))"))
            began = now
            failures = 0
            return [note] + discover(at: now)
        case (.requesting, .acknowledgement):
            guard isFromChosenServer(message) else { return [] }
            return accept(message, at: now)
        case (.renewing, .acknowledgement), (.rebinding, .acknowledgement): return accept(message, at: now)
        default: return []
        }
    }

    private func isFromChosenServer(_ message: DHCPMessage) -> Bool {
        message.options[.serverIdentifier] == offer?.options[.serverIdentifier]
    }

    /// What a server says to a person, as far as it can be printed.
    ///
    /// RFC 2132, 9.9.
    private static func reason(_ message: DHCPMessage) -> String {
        guard let text = message.options[.message] else { return "" }
        return ": " + String(decoding: text.prefix(80).filter { $0 >= 0x20 && $0 < 0x7f }, as: UTF8.self)
    }

    /// A number for the next question; those of DHCPv6 have 24 bits.
    mutating func newTransaction() -> UInt32 {
        identity.family == .v4 ? chance.number32() : chance.number32() >> 8
    }

    mutating func lose(_ reason: String) -> [Action] {
        state = .expired
        deadline = nil
        offer = nil
        return [.lost(DHCPProblem(reason))]
    }

    private mutating func release() -> [Action] {
        defer {
            state = .released
            deadline = nil
        }
        guard let terms, state != .expired, state != .released else { return [] }
        var message = message(.release, transaction: newTransaction(), at: began)
        message.clientAddress = terms.address.address
        message.options[.serverIdentifier] = acknowledgement?.options[.serverIdentifier]
        return [.send(message, to: .server(terms.server))]
    }
}
