// SPDX-License-Identifier: Apache-2.0
#include "reference.h"
#include <stdlib.h>
#include <string.h>

enum { burst = 32, vlan_words = 64, words = 7 };
enum {
    flag_exists = 1, flag_up = 2, flag_hears = 4, flag_forwards = 8, flag_learns = 16, flag_isolated = 32,
    flag_hairpin = 64, flag_locked = 128, flag_checks = 256 | 512, flag_no_tagged = 1024, flag_no_untagged = 2048,
    flag_usable = flag_exists | flag_up | flag_forwards
};
enum {
    no_reason, no_interface, interface_down, truncated, invalid_source, blocked, learning, link_local, no_tagged,
    no_untagged, not_member, denied, same_interface, output_down, output_not_in_vlan, isolated, nobody
};

typedef struct { uint32_t flags; uint16_t native, mirror; uint32_t learn_limit, padding; } port_state;
typedef struct { uint64_t word[words]; uint64_t rank; } rule_entry;
typedef struct { uint64_t mask[words]; uint64_t best; size_t base, capacity, count; uint64_t shift; } rule_tuple;
typedef struct { uint64_t key, value; } mac_slot;
typedef struct { uint64_t received, received_bytes, sent, sent_bytes, mirrored, dropped; } port_counters;
typedef struct {
    uint64_t word[words];
    uint16_t ingress, control, header;
    uint8_t is_tagged, reason;
    uint32_t length;
    uint32_t source_home, destination_home;
} admission;

struct reference_switch {
    uint32_t interfaces, set_words, ageing;
    int knows_vlans;
    uint16_t tag_protocol;
    uint64_t seed, multiplier;
    port_state *ports;
    uint64_t *usable, *flooded[3], *isolated_set, *vlan_members, *member_vlans;
    port_counters *counters;
    uint64_t *drops;
    mac_slot *slots;
    uint64_t slot_count, slot_shift;
    uint32_t *learned;
    rule_tuple *tuples;
    size_t tuple_count, entry_count;
    rule_entry *entries;
    uint64_t *actions;
};

static void *zeroed(size_t count, size_t size) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, count * size + 64)) abort();
    return memset(memory, 0, count * size + 64);
}

reference_switch *reference_make(uint32_t interfaces, uint32_t slots, uint32_t ageing) {
    reference_switch *s = zeroed(1, sizeof *s);
    s->interfaces = interfaces;
    s->set_words = (interfaces + 63) / 64;
    s->ageing = ageing;
    s->knows_vlans = 1;
    s->tag_protocol = 0x8100;
    s->multiplier = 0x9e3779b97f4a7c15ull;
    s->ports = zeroed(interfaces, sizeof *s->ports);
    s->usable = zeroed(s->set_words, 8);
    s->isolated_set = zeroed(s->set_words, 8);
    for (int kind = 0; kind < 3; kind++) s->flooded[kind] = zeroed(s->set_words, 8);
    s->vlan_members = zeroed(4096 * s->set_words, 8);
    s->member_vlans = zeroed(interfaces * vlan_words, 8);
    s->counters = zeroed(interfaces, sizeof *s->counters);
    s->drops = zeroed(interfaces * 32, 8);
    s->slots = zeroed(slots, sizeof *s->slots);
    s->slot_count = slots;
    s->slot_shift = 64 - __builtin_ctz(slots);
    s->learned = zeroed(1024, 4);
    s->tuples = zeroed(64, sizeof *s->tuples);
    for (uint32_t i = 0; i < interfaces; i++) {
        s->ports[i].flags = flag_usable | flag_hears | flag_learns;
        s->ports[i].mirror = 0xffff;
        s->usable[i / 64] |= 1ull << i % 64;
        for (int kind = 0; kind < 3; kind++) s->flooded[kind][i / 64] |= 1ull << i % 64;
    }
    return s;
}

void reference_free(reference_switch *s) {
    free(s->ports); free(s->usable); free(s->isolated_set); free(s->vlan_members); free(s->member_vlans);
    for (int kind = 0; kind < 3; kind++) free(s->flooded[kind]);
    free(s->counters); free(s->drops); free(s->slots); free(s->learned); free(s->tuples); free(s->entries);
    free(s->actions); free(s);
}

void reference_add_vlan(reference_switch *s, uint16_t interface, uint16_t vlan, int is_native) {
    s->member_vlans[interface * vlan_words + vlan / 64] |= 1ull << vlan % 64;
    s->vlan_members[vlan * s->set_words + interface / 64] |= 1ull << interface % 64;
    if (is_native) s->ports[interface].native = vlan;
}

// Stations

static inline uint64_t mac_key(uint64_t mac, uint16_t vlan) { return 1ull << 63 | (uint64_t)vlan << 48 | mac; }
static inline uint64_t mac_home(const reference_switch *s, uint64_t key) {
    return (key ^ key >> 32) * s->multiplier >> s->slot_shift;
}
static inline mac_slot *mac_find(const reference_switch *s, uint64_t key, uint64_t at) {
    while (s->slots[at].key != key && s->slots[at].key) at = (at + 1) & (s->slot_count - 1);
    return &s->slots[at];
}
static inline void mac_learn(
    reference_switch *s, uint64_t key, uint64_t home, uint16_t interface, uint32_t limit, uint32_t now) {
    mac_slot *slot = mac_find(s, key, home);
    uint64_t value = (uint64_t)now << 32 | interface;
    if (slot->key == key && (uint16_t)slot->value == interface) {
        if (slot->value != value && !(slot->value & 1 << 16)) slot->value = value;
        return;
    }
    if (slot->value & 1 << 16 || (limit && s->learned[interface] >= limit)) return;
    if (slot->key) s->learned[(uint16_t)slot->value]--;
    s->learned[interface]++;
    *slot = (mac_slot){key, value};
}
void reference_learn(reference_switch *s, uint64_t mac, uint16_t vlan, uint16_t interface, uint32_t now) {
    mac_learn(s, mac_key(mac, vlan), mac_home(s, mac_key(mac, vlan)), interface, 0, now);
}
void reference_lookup(const reference_switch *s, const uint64_t *keys, size_t count, uint32_t now, uint16_t *to) {
    for (size_t start = 0; start < count; start += burst) {
        size_t end = start + burst < count ? start + burst : count;
        uint32_t homes[burst];
        for (size_t i = start; i < end; i++) {
            homes[i - start] = mac_home(s, keys[i]);
            __builtin_prefetch(&s->slots[homes[i - start]]);
        }
        for (size_t i = start; i < end; i++) {
            mac_slot slot = *mac_find(s, keys[i], homes[i - start]);
            int old = !(slot.value & 1 << 16) && now - (uint32_t)(slot.value >> 32) >= s->ageing;
            to[i] = !slot.key || old ? 0xffff : (uint16_t)slot.value;
        }
    }
}

// Rules

__attribute__((always_inline)) static inline uint64_t rule_hash(const uint64_t *w, uint64_t seed, int width) {
    static const uint64_t odd[words] = {
        0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0xd6e8feb86659fd93,
        0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3};
    uint64_t hash = (w[0] ^ w[0] >> 32 ^ seed) * odd[0];
    for (int i = 1; i < width; i++) hash += (w[i] ^ w[i] >> 32) * odd[i];
    return hash ^ hash >> 29;
}
__attribute__((always_inline)) static inline int rule_agrees(const uint64_t *a, const uint64_t *b, int width) {
    uint64_t difference = 0;
    for (int i = 0; i < width; i++) difference |= a[i] ^ b[i];
    return !difference;
}
void reference_add_tuple(reference_switch *s, const uint64_t mask[7], uint64_t best, uint32_t capacity) {
    rule_tuple *tuple = &s->tuples[s->tuple_count++];
    memcpy(tuple->mask, mask, sizeof tuple->mask);
    tuple->best = best;
    tuple->base = s->entry_count;
    tuple->capacity = capacity;
    tuple->shift = 64 - __builtin_ctz(capacity);
    rule_entry *entries = zeroed(s->entry_count + capacity, sizeof *entries);
    uint64_t *actions = zeroed(s->entry_count + capacity, 8);
    if (s->entry_count) {
        memcpy(entries, s->entries, s->entry_count * sizeof *entries);
        memcpy(actions, s->actions, s->entry_count * 8);
    }
    free(s->entries);
    free(s->actions);
    s->entries = entries;
    s->actions = actions;
    s->entry_count += capacity;
}
void reference_add_rule(reference_switch *s, const uint64_t key[7], uint64_t rank, uint64_t action) {
    rule_tuple *tuple = &s->tuples[s->tuple_count - 1];
    size_t at = rule_hash(key, s->seed, words) >> tuple->shift;
    while (s->entries[tuple->base + at].rank) at = (at + 1) & (tuple->capacity - 1);
    memcpy(s->entries[tuple->base + at].word, key, words * 8);
    s->entries[tuple->base + at].rank = rank;
    s->actions[tuple->base + at] = action;
    tuple->count++;
}
__attribute__((always_inline)) static inline void rule_mask(const uint64_t *w, const uint64_t *mask, uint64_t *out, int width) {
    for (int i = 0; i < width; i++) out[i] = w[i] & mask[i];
}
// Words from the first on that hold all bits of a mask: three without addresses, four with IPv4, seven with IPv6.
// Inlined for each width, which is a constant then.
__attribute__((always_inline)) static inline size_t ask(const reference_switch *s, size_t t, const admission *frames, const uint8_t *places,
    uint8_t *pending, size_t count, int width, uint64_t *ranks, uint64_t *actions) {
    const rule_tuple *tuple = &s->tuples[t];
    uint64_t key[words];
    uint32_t at[burst];
    for (size_t p = 0; p < count; p++) {
        rule_mask(frames[places[pending[p]]].word, tuple->mask, key, width);
        at[p] = rule_hash(key, s->seed, width) >> tuple->shift;
        __builtin_prefetch(&s->entries[tuple->base + at[p]]);
    }
    uint64_t next = t + 1 < s->tuple_count ? s->tuples[t + 1].best : UINT64_MAX;
    size_t kept = 0;
    for (size_t p = 0; p < count; p++) {
        uint8_t frame = pending[p];
        rule_mask(frames[places[frame]].word, tuple->mask, key, width);
        for (size_t slot = at[p];; slot = (slot + 1) & (tuple->capacity - 1)) {
            const rule_entry *entry = &s->entries[tuple->base + slot];
            if (!entry->rank) break;
            if (!rule_agrees(entry->word, key, width)) continue;
            if (entry->rank > ranks[frame]) {
                ranks[frame] = entry->rank;
                actions[frame] = s->actions[tuple->base + slot];
            }
            break;
        }
        pending[kept] = frame;
        kept += ranks[frame] <= next;
    }
    return kept;
}
static void classify(const reference_switch *s, const admission *frames, const uint8_t *places, size_t count,
    uint64_t *ranks, uint64_t *actions) {
    uint8_t pending[burst];
    for (size_t i = 0; i < count; i++) { pending[i] = i; ranks[i] = 0; actions[i] = 0; }
    for (size_t t = 0; t < s->tuple_count && count; t++) {
        const uint64_t *mask = s->tuples[t].mask;
        if (mask[4] | mask[5] | mask[6]) count = ask(s, t, frames, places, pending, count, 7, ranks, actions);
        else if (mask[3]) count = ask(s, t, frames, places, pending, count, 4, ranks, actions);
        else count = ask(s, t, frames, places, pending, count, 3, ranks, actions);
    }
}

// Frames

static inline uint64_t big64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline uint32_t big32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint16_t big16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }

static inline uint8_t parse(const uint8_t *p, uint32_t length, uint16_t tag_protocol, admission *a) {
    if (length < 14) return truncated;
    a->word[1] = big64(p) & ~0xffffull;
    a->word[2] = big64(p + 6) & ~0xffffull;
    uint16_t type = big16(p + 12);
    uint32_t at = 14;
    if (type == tag_protocol) {
        if (length < 18) return truncated;
        a->control = big16(p + 14);
        a->is_tagged = 1;
        type = big16(p + 16);
        at = 18;
    }
    while ((type == 0x8100 || type == 0x88a8) && at < 22 && length >= at + 4) {
        type = big16(p + at + 2);
        at += 4;
    }
    a->header = at;
    a->word[0] = (uint64_t)type << 32 | (uint64_t)(a->control & 0xfff) << 16;
    // The benchmark has none of these; what they say is not read here.
    if (type == 0x0806 || type == 0x86dd) abort();
    if (type != 0x0800) return no_reason;
    uint32_t first = length >= at + 20 ? big32(p + at) : 0;
    uint32_t header = first >> 22 & 0x3c, total = first & 0xffff;
    if (first >> 28 != 4 || header < 20 || total < header || at + total > length) {
        a->word[0] |= 4;
        return no_reason;
    }
    uint8_t number = p[at + 9];
    a->word[3] = big64(p + at + 12);
    uint16_t fragment = big16(p + at + 6) & 0x3fff;
    a->word[0] |= (uint64_t)number << 8 | (fragment ? fragment & 0x1fff ? 3 : 1 : 0);
    if (fragment & 0x1fff) return no_reason;
    if ((number == 6 || number == 17 || number == 132) && header + 4 <= total) {
        uint32_t ports = big32(p + at + header);
        a->word[2] |= ports >> 16;
        a->word[1] |= ports & 0xffff;
    } else if ((number == 1 || number == 58) && header + 2 <= total) {
        a->word[2] |= p[at + header];
        a->word[1] |= p[at + header + 1];
    }
    return no_reason;
}
static inline int is_member(const reference_switch *s, uint16_t interface, uint16_t vlan) {
    return s->member_vlans[interface * vlan_words + (vlan >> 6)] >> (vlan & 63) & 1;
}
static inline uint8_t admit(const reference_switch *s, const uint8_t *p, const reference_frame *f, admission *a) {
    memset(a, 0, sizeof *a);
    a->ingress = f->ingress;
    a->length = f->length;
    if (f->ingress >= s->interfaces) return no_interface;
    const port_state *port = &s->ports[f->ingress];
    if (!(port->flags & flag_exists)) return no_interface;
    if (!(port->flags & flag_up)) return interface_down;
    if (parse(p, f->length, s->knows_vlans ? s->tag_protocol : 0, a)) return truncated;
    a->word[0] |= (uint64_t)f->ingress << 48;
    uint64_t source = a->word[2] >> 16;
    if (source & 1ull << 40 || !source) return invalid_source;
    if (!(port->flags & flag_hears)) return blocked;
    if (s->knows_vlans) {
        uint16_t vlan = a->control & 0xfff;
        if (vlan) {
            if (port->flags & flag_no_tagged) return no_tagged;
        } else {
            vlan = port->native;
            if (!vlan || port->flags & flag_no_untagged) return no_untagged;
            a->word[0] |= (uint64_t)vlan << 16;
        }
        if (!is_member(s, f->ingress, vlan)) return not_member;
    }
    if (port->flags & flag_checks) abort();
    return no_reason;
}
static inline uint64_t flood_word(const reference_switch *s, uint32_t w, const reference_decision *d, uint32_t flags) {
    uint64_t set = s->usable[w] & s->vlan_members[d->vlan * s->set_words + w] & s->flooded[d->flood][w];
    if (flags & flag_isolated) set &= ~s->isolated_set[w];
    if (!(flags & flag_hairpin) && d->ingress >> 6 == w) set &= ~(1ull << (d->ingress & 63));
    return set;
}
static inline void drop(reference_decision *d, uint8_t reason) { d->verdict = reference_drop; d->reason = reason; }
static inline void flood(const reference_switch *s, reference_decision *d, uint8_t kind, uint32_t flags) {
    d->verdict = reference_flood;
    d->flood = kind;
    uint64_t all = 0;
    for (uint32_t w = 0; w < s->set_words; w++) all |= flood_word(s, w, d, flags);
    if (!all) drop(d, nobody);
}
static inline void send_to(const reference_switch *s, reference_decision *d, uint16_t output, const port_state *port) {
    d->verdict = reference_forward_to;
    d->output = output;
    if (output >= s->interfaces) { drop(d, output_down); return; }
    const port_state *to = &s->ports[output];
    if (output == d->ingress && !(to->flags & flag_hairpin)) drop(d, same_interface);
    else if ((to->flags & flag_usable) != flag_usable) drop(d, output_down);
    else if (port->flags & to->flags & flag_isolated) drop(d, isolated);
    else if (s->knows_vlans && !is_member(s, output, d->vlan)) drop(d, output_not_in_vlan);
}
static inline void decide(
    const reference_switch *s, const admission *a, uint64_t action, uint32_t now, reference_decision *d) {
    const port_state *port = &s->ports[a->ingress];
    uint64_t to = a->word[1] >> 16;
    uint16_t redirect = 0xffff;
    d->ingress_mirror = port->mirror;
    d->vlan = a->word[0] >> 16;
    d->control = a->control;
    d->is_tagged = a->is_tagged;
    if (a->reason) { drop(d, a->reason); return; }
    if ((action & 3) == 1) { drop(d, denied); return; }
    if ((action & 3) == 3) d->rule_mirror = action >> 16;
    if ((action & 3) == 2) redirect = action >> 16;
    if ((to & ~0xfull) == 0x0180c2000000) { drop(d, link_local); return; }
    if (!(port->flags & flag_forwards)) { drop(d, learning); return; }
    if (redirect != 0xffff) { send_to(s, d, redirect, port); return; }
    if (to & 1ull << 40) { flood(s, d, to == 0xffffffffffff ? 2 : 1, port->flags); return; }
    mac_slot slot = *mac_find(s, mac_key(to, d->vlan), a->destination_home);
    int old = !(slot.value & 1 << 16) && now - (uint32_t)(slot.value >> 32) >= s->ageing;
    if (!slot.key || old) flood(s, d, 0, port->flags);
    else if (slot.value & 1 << 17) abort(); // A gateway: what is routed is not measured.
    else send_to(s, d, slot.value, port);
}
static inline void count_sent(reference_switch *s, uint32_t output, uint64_t length) {
    s->counters[output].sent++;
    s->counters[output].sent_bytes += length;
}
static inline void count(reference_switch *s, const reference_decision *d, uint64_t length) {
    if (d->ingress >= s->interfaces) return;
    s->counters[d->ingress].received++;
    s->counters[d->ingress].received_bytes += length;
    if (d->ingress_mirror != 0xffff || d->rule_mirror != 0xffff) abort();
    if (d->verdict == reference_forward_to) {
        count_sent(s, d->output, length);
        if (s->ports[d->output].mirror != 0xffff) abort();
    } else if (d->verdict == reference_drop) {
        s->counters[d->ingress].dropped++;
        s->drops[d->ingress * 32 + d->reason]++;
    } else {
        for (uint32_t w = 0; w < s->set_words; w++)
            for (uint64_t rest = flood_word(s, w, d, s->ports[d->ingress].flags); rest; rest &= rest - 1)
                count_sent(s, w * 64 + __builtin_ctzll(rest), length);
    }
}

void reference_forward(reference_switch *s, const reference_frame *frames, size_t total, const uint8_t *memory,
    uint32_t now, reference_decision *decisions) {
    for (size_t start = 0; start < total; start += burst) {
        size_t n = start + burst < total ? burst : total - start, admitted = 0, next = 0;
        admission admissions[burst];
        uint8_t places[burst];
        uint64_t ranks[burst], actions[burst];
        for (size_t i = 0; i < n; i++) __builtin_prefetch(memory + frames[start + i].offset);
        for (size_t i = 0; i < n; i++) {
            const reference_frame *f = &frames[start + i];
            admission *a = &admissions[i];
            a->reason = admit(s, memory + f->offset, f, a);
            if (a->reason) continue;
            places[admitted++] = i;
            a->destination_home = mac_home(s, mac_key(a->word[1] >> 16, a->word[0] >> 16));
            a->source_home = mac_home(s, mac_key(a->word[2] >> 16, a->word[0] >> 16));
            __builtin_prefetch(&s->slots[a->destination_home]);
            __builtin_prefetch(&s->slots[a->source_home]);
        }
        if (s->tuple_count) classify(s, admissions, places, admitted, ranks, actions);
        for (size_t i = 0; i < n; i++) {
            admission *a = &admissions[i];
            reference_decision d = {.verdict = reference_drop, .reason = no_interface, .ingress = a->ingress,
                .rule_mirror = 0xffff, .ingress_mirror = 0xffff};
            uint64_t action = 0;
            if (next < admitted && places[next] == i) {
                if (s->tuple_count) action = actions[next];
                next++;
            }
            if (a->reason != no_interface) {
                const port_state *port = &s->ports[a->ingress];
                if (!a->reason && (action & 3) != 1) {
                    if (port->flags & flag_locked) abort();
                    if (port->flags & flag_learns)
                        mac_learn(s, mac_key(a->word[2] >> 16, a->word[0] >> 16), a->source_home, a->ingress,
                            port->learn_limit, now);
                }
                decide(s, a, action, now, &d);
            }
            count(s, &d, a->length);
            decisions[start + i] = d;
        }
    }
}

// Routes

struct reference_routes { uint32_t *root, *chunks; uint32_t chunk_count, room; };

reference_routes *reference_routes_make(void) {
    reference_routes *r = zeroed(1, sizeof *r);
    r->root = zeroed(1 << 24, 4);
    r->room = 1 << 16;
    r->chunks = zeroed((size_t)r->room * 256, 4);
    return r;
}
void reference_routes_free(reference_routes *r) { free(r->root); free(r->chunks); free(r); }
void reference_routes_add(reference_routes *r, uint32_t prefix, int length, uint32_t value) {
    if (length <= 24) {
        for (uint32_t i = 0; i < 1u << (24 - length); i++) r->root[(prefix >> 8) + i] = value;
        return;
    }
    uint32_t *entry = &r->root[prefix >> 8];
    if (!(*entry >> 31)) {
        if (r->chunk_count == r->room) abort();
        for (int i = 0; i < 256; i++) r->chunks[r->chunk_count * 256 + i] = *entry;
        *entry = 1u << 31 | r->chunk_count++;
    }
    for (uint32_t i = 0; i < 1u << (32 - length); i++)
        r->chunks[(size_t)(*entry & 0x7fffffff) * 256 + (prefix & 255) + i] = value;
}
void reference_routes_lookup(const reference_routes *r, const uint32_t *addresses, size_t count, uint32_t *values) {
    for (size_t i = 0; i < count; i++) {
        uint32_t entry = r->root[addresses[i] >> 8];
        if (entry >> 31) entry = r->chunks[(size_t)(entry & 0x7fffffff) << 8 | (addresses[i] & 255)];
        values[i] = entry;
    }
}

// Marks

__attribute__((noinline)) void reference_count_begins(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void reference_count_ends(void) { __asm__ volatile("" ::: "memory"); }
