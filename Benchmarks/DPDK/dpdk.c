// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "peer.h"
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <sched.h>
#include <stdio.h>

// The tables of DPDK as its own guide has them used, with what makes them fastest: the processor's CRC as hash, no
// concurrency, look-ups in bulk, vectors as wide as the processor has them, tables no fuller than ours, and huge pages if
// the machine has enough of them.

// As many look-ups as rte_hash takes at once; rte_fib takes any number.
enum { burst = RTE_HASH_LOOKUP_BULK_MAX };

// Whether the tables find room in huge pages of 2 MiB.
static int has_huge_pages(int megabytes) {
    int count = 0;
    FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
    if (!file) return 0;
    if (fscanf(file, "%d", &count) != 1) count = 0;
    fclose(file);
    return count * 2 >= megabytes;
}

static int start(void) {
    char cpu[16];
    snprintf(cpu, sizeof cpu, "%d", sched_getcpu());
    int is_huge = has_huge_pages(1024);
    char *arguments[] = {"forwarding-bench", "--no-shconf", is_huge ? "--in-memory" : "--no-huge", "--no-pci",
        "--no-telemetry", "-m", is_huge ? "1024" : "2048", "--force-max-simd-bitwidth=512", "--log-level=error",
        "-l", cpu, NULL};
    printf("# DPDK has %s pages\n", is_huge ? "huge" : "no huge");
    fflush(stdout);
    return rte_eal_init(sizeof arguments / sizeof *arguments - 1, arguments) < 0 ? -1 : 0;
}

static uint64_t frequency(void) { return rte_get_tsc_hz(); }

// Stations

static void *stations_make(uint32_t count) {
    struct rte_hash_parameters parameters = {
        .name = "stations", .entries = count * 2, .key_len = sizeof(uint64_t), .hash_func = rte_hash_crc};
    return rte_hash_create(&parameters);
}
static int stations_add(void *table, uint64_t key, uint64_t value) {
    return rte_hash_add_key_data(table, &key, (void *)value);
}
static void stations_lookup(const void *table, const uint64_t *keys, size_t count, uint64_t *values) {
    for (size_t first = 0; first < count; first += burst) {
        uint32_t n = count - first < burst ? count - first : burst;
        const void *places[burst];
        uint64_t hits;
        for (uint32_t i = 0; i < n; i++) places[i] = &keys[first + i];
        rte_hash_lookup_bulk_data(table, places, n, &hits, (void **)&values[first]);
    }
}
static void stations_free(void *table) { rte_hash_free(table); }

// Routes

static void *routes_make(void) {
    struct rte_fib_conf configuration = {.type = RTE_FIB_DIR24_8, .max_routes = 1 << 20,
        .dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 1 << 15}};
    struct rte_fib *table = rte_fib_create("routes", SOCKET_ID_ANY, &configuration);
    if (table) rte_fib_select_lookup(table, RTE_FIB_LOOKUP_DEFAULT);
    return table;
}
static int routes_add(void *table, uint32_t prefix, uint8_t length, uint64_t value) {
    return rte_fib_add(table, prefix, length, value);
}
static void routes_lookup(void *table, uint32_t *addresses, size_t count, uint64_t *values) {
    rte_fib_lookup_bulk(table, addresses, values, count);
}
static void routes_free(void *table) { rte_fib_free(table); }

const peer_tables tables = {start, frequency, stations_make, stations_add, stations_lookup, stations_free, routes_make,
    routes_add, routes_lookup, routes_free};
