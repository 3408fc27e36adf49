// SPDX-License-Identifier: Apache-2.0
internal import Addressing

// The search for a server.
extension DHCPClient {
    mutating func discover(at now: Int64) -> [Action] {
        if state != .selecting {
            state = .selecting
            attempt = 0
            offer = nil
            transaction = newTransaction()
        }
        var message = message(.discover, transaction: transaction, at: now)
        // What was refused to be prolonged is asked for once more.
        if let address = terms?.address.address { message.options[.requestedAddress] = address.octets }
        plan(at: now)
        return [.send(message, to: .everybody)]
    }

    /// Waits before the next search, the longer the more often it failed.
    mutating func pause(at now: Int64) -> [Action] {
        state = .selecting
        attempt = 0
        offer = nil
        // Answers to the search that failed come too late.
        transaction = newTransaction()
        let bound = min(DHCPClient.second << Int64(min(failures, 6)), patience.longestPause)
        wake(at: now + bound + chance.deviation(min(bound, DHCPClient.second) / 2))
        return []
    }

    /// Takes the first offer that is of use.
    mutating func consider(_ offered: DHCPMessage, at now: Int64) -> [Action] {
        let proposal: DHCPTerms
        do throws(DHCPProblem) {
            proposal = try DHCPTerms(offered)
        } catch {
            return [.note(error)]
        }
        if let terms, proposal.address != terms.address {
            // The interface bears the old one, and nobody would tell the container of a new one.
            return lose("the server gives \(proposal.address) instead of \(terms.address)")
        }
        state = .requesting
        attempt = 0
        offer = offered
        requestedAt = now
        return request(offered, at: now)
    }

    mutating func request(_ offered: DHCPMessage, at now: Int64) -> [Action] {
        var message = message(.request, transaction: transaction, at: now)
        message.options[.requestedAddress] = offered.yourAddress.octets
        message.options[.serverIdentifier] = offered.options[.serverIdentifier]
        plan(at: now)
        if let deadline { self.deadline = min(deadline, requestedAt + patience.answer) }
        return [.send(message, to: .everybody)]
    }

    /// Four seconds, of DHCPv6 one; twice as long each time, plus or minus a second or less.
    ///
    /// RFC 2131, 4.1; RFC 8415, 15.
    private mutating func plan(at now: Int64) {
        let first = (identity.family == .v4 ? 4 : 1) * DHCPClient.second
        let interval = min(first << Int64(min(attempt, 4)), patience.longestPause)
        attempt += 1
        wake(at: now + interval + chance.deviation(min(DHCPClient.second, interval / 2)))
    }

    /// Sets the deadline, not beyond the end of a lease that still runs.
    private mutating func wake(at moment: Int64) {
        deadline = min(moment, expiresAt ?? .max)
    }
}

// The life of a lease.
extension DHCPClient {
    /// When the same server is to be asked for more time.
    func renewalAt(_ terms: DHCPTerms) -> Int64 {
        grantedAt + Int64(terms.renewalSeconds) * DHCPClient.second
    }

    private func rebindingAt(_ terms: DHCPTerms) -> Int64 {
        grantedAt + Int64(terms.rebindingSeconds) * DHCPClient.second
    }

    mutating func accept(_ message: DHCPMessage, at now: Int64) -> [Action] {
        let granted: DHCPTerms
        do throws(DHCPProblem) {
            granted = try DHCPTerms(message)
        } catch {
            return [.note(error)]
        }
        if let terms, granted.address != terms.address {
            return [.note(DHCPProblem("the server prolongs \(granted.address) instead of \(terms.address)"))]
        }
        if terms == nil, granted.address.address != offer?.yourAddress {
            return [.note(DHCPProblem("the server grants \(granted.address), which it did not offer"))]
        }
        renewals += terms == nil ? 0 : 1
        terms = granted
        acknowledgement = message
        grantedAt = requestedAt
        state = .bound
        offer = nil
        failures = 0
        deadline = granted.leaseSeconds.map { _ in max(now, renewalAt(granted)) }
        return [.granted]
    }

    /// Asks for more time: first who granted it, later anybody.
    ///
    /// RFC 2131, 4.4.5.
    mutating func renew(at now: Int64) -> [Action] {
        guard let terms, let end = expiresAt else { return [] }
        let late = rebindingAt(terms)
        let next: State = now >= late ? .rebinding : .renewing
        if state != next {
            if state == .bound { began = now }
            state = next
            transaction = newTransaction()
            requestedAt = now
        }
        var message = message(.request, transaction: transaction, at: now)
        message.clientAddress = terms.address.address
        // Of DHCPv6 every server hears every message, and the name says whose it is.
        if identity.family == .v6, next == .renewing {
            message.options[.serverIdentifier] = acknowledgement?.options[.serverIdentifier]
        }
        let limit = next == .renewing ? late : end
        // Half of what is left, but not in a hurry.
        let shortest = min(60 * DHCPClient.second, Int64(terms.leaseSeconds ?? 60) * DHCPClient.second / 8)
        deadline = min(limit, now + max((limit - now) / 2, shortest))
        return [.send(message, to: next == .renewing ? .server(terms.server) : .everybody)]
    }

    func message(_ kind: DHCPMessage.Kind, transaction: UInt32, at now: Int64) -> DHCPMessage {
        var message = DHCPMessage(kind, transaction: transaction, clientHardware: identity.hardware)
        message.seconds = UInt16(clamping: (now - began) / DHCPClient.second)
        for option in identity.options where kind != .release || option.code == .clientIdentifier {
            message.options[option.code] = option.value
        }
        if message.options[.clientIdentifier] == nil {
            message.options[.clientIdentifier] = identity.clientIdentifier
        }
        guard kind != .release else { return message }
        message.wantsBroadcast = patience.wantsBroadcast
        if !identity.requested.isEmpty {
            message.options[.parameterRequestList] = identity.requested.map { $0.rawValue }
        }
        // 1472: what fits into a frame of Ethernet, less the headers of IPv4 and UDP. RFC 2132, 9.10.
        message.options[.maximumMessageSize] = [0x05, 0xc0]
        return message
    }
}
