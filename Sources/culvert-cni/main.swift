// SPDX-License-Identifier: Apache-2.0
import CJansson
import CNetlink
import SystemPackage
import Glibc
let s = nl_socket_alloc()
print(json_string("x") as Any, s as Any, FilePath("/a/b").lastComponent as Any)
