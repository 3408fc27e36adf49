// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "peer.h"

// The switch of Sources/Forwarding once more, in C: the same steps on tables of the same layout, without the checks of
// bounds. It is what the Swift one is measured against; both have to decide alike, which the benchmark looks at first.
// It asks all the questions that Swift asks of the frames of the benchmark. Where the answer would lead to what these
// frames never need (routes, mirrors, checks of sources, IPv6), it aborts.

typedef struct {
    uint32_t offset;
    uint32_t length;
    uint16_t ingress;
} reference_frame;

typedef enum { reference_forward_to, reference_flood, reference_drop } reference_verdict;

typedef struct {
    uint8_t verdict;
    uint8_t reason;
    uint8_t is_tagged;
    uint8_t flood;
    uint16_t output;
    uint16_t ingress;
    uint16_t vlan;
    uint16_t control;
    uint16_t rule_mirror;
    uint16_t ingress_mirror;
} reference_decision;

typedef struct reference_switch reference_switch;

reference_switch *reference_make(uint32_t interfaces, uint32_t slots, uint32_t ageing);
void reference_free(reference_switch *);
// All VLANs of a trunk, or those of an access port.
void reference_add_vlan(reference_switch *, uint16_t interface, uint16_t vlan, int is_native);
void reference_learn(reference_switch *, uint64_t mac, uint16_t vlan, uint16_t interface, uint32_t now);
// Rules have to come tuple by tuple, the best first; rank grows with priority.
void reference_add_tuple(reference_switch *, const uint64_t mask[7], uint64_t best_rank, uint32_t capacity);
void reference_add_rule(reference_switch *, const uint64_t key[7], uint64_t rank, uint64_t action);
void reference_forward(
    reference_switch *, const reference_frame *, size_t count, const uint8_t *memory, uint32_t now, reference_decision *);

// How often this thread asked for memory.
uint64_t reference_allocations(void);

// Interface numbers of stations in bursts of 32; 0xffff for unknown ones.
void reference_lookup(
    const reference_switch *, const uint64_t *keys, size_t count, uint32_t now, uint16_t *interfaces);

// Marks for callgrind, which knows functions by name: what it counts lies between them.
void reference_count_begins(void);
void reference_count_ends(void);

// DIR-24-8 by its book: 24 bits at once, 256 entries behind those that are longer.
typedef struct reference_routes reference_routes;
reference_routes *reference_routes_make(void);
void reference_routes_free(reference_routes *);
// Prefixes have to come the shorter ones first.
void reference_routes_add(reference_routes *, uint32_t prefix, int length, uint32_t value);
void reference_routes_lookup(const reference_routes *, const uint32_t *addresses, size_t count, uint32_t *values);
