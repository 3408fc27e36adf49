// SPDX-License-Identifier: Apache-2.0
// What culvert-cni needs of its C library beyond musl, by names that everybody knows; nobody has to import it.
#pragma once
