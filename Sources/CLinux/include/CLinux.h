// SPDX-License-Identifier: Apache-2.0
// What glibc hides behind _GNU_SOURCE, and the few calls that Swift cannot spell.
#pragma once
