# SPDX-License-Identifier: Apache-2.0
"""Runs a program to which the kernel refuses some calls, as where a container's rules for calls leave them out.

    refusing.py NUMBER... -- COMMAND...
"""
import ctypes
import os
import struct
import sys

#: linux/prctl.h, linux/seccomp.h
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050001
#: linux/bpf_common.h: load a word, go on or past, return
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def refuse(numbers: list[int]) -> None:
    """From here on these calls fail with EPERM, also in what is executed."""
    steps = [(LOAD, 0, 0, 0)]
    for number in numbers:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    steps.append((RETURN, 0, 0, ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = Program(len(steps), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or library.prctl(
            PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"cannot refuse calls: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    """Reads the command line, and becomes the program."""
    border = sys.argv.index("--")
    refuse([int(number) for number in sys.argv[1:border]])
    os.execvp(sys.argv[border + 1], sys.argv[border + 1:])


if __name__ == "__main__":
    main()
