# SPDX-License-Identifier: Apache-2.0
"""A private host to measure in: own network, own processes, empty /run and /var/lib/cni. It ends with its processes."""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager

# Everything the private host consists of dies with `unshare`, which dies with us.
ENTER = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]

CLONE_NEWNET = 0x40000000
PATIENCE_SECONDS = 5

# A refused connection is an answer too: it came from the other end.
KNOCK = """
import socket, sys
try: socket.create_connection((sys.argv[1], 9), timeout=5)
except ConnectionRefusedError: pass
"""


def run(*words, **options):
    """Runs a tool and returns its output; a tool that fails raises with what it said."""
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def furnish():
    """Makes this process's new namespaces look like a freshly started host."""
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    # Without the directory, its parent is covered: nothing is to be made on the real disk.
    run("mount", "-t", "tmpfs", "tmpfs", "/var/lib/cni" if os.path.isdir("/var/lib/cni") else "/var/lib")
    os.makedirs("/var/lib/cni/networks")
    run("ip", "link", "set", "lo", "up")


def add_namespaces(names):
    run("ip", "-batch", "-", input="".join(f"netns add {name}\n" for name in names))


def add_bridge(name, mac):
    run("ip", "link", "add", name, "address", mac, "type", "bridge")
    run("ip", "link", "set", name, "up")


def delete_link(name):
    run("ip", "link", "delete", name)


def link_exists(name):
    return os.path.exists(f"/sys/class/net/{name}")


def bridge_of(link):
    """The bridge that `link` is a port of; raises when there is none."""
    return os.path.basename(os.readlink(f"/sys/class/net/{link}/master"))


def addresses_inside(namespace, link):
    words = run("ip", "-n", namespace, "-o", "-4", "address", "show", "dev", link).split()
    return [words[i + 1] for i, word in enumerate(words) if word == "inet"]


def links_inside(namespace):
    lines = run("ip", "-n", namespace, "-o", "link", "show").splitlines()
    return [line.split()[1].rstrip(":").split("@")[0] for line in lines]


def knock(namespace, address):
    """Proves that packets get from the namespace to `address` and back."""
    run("ip", "netns", "exec", namespace, sys.executable, "-I", "-c", KNOCK, address)


@contextmanager
def inside(namespace):
    """Puts this thread into a network namespace; sockets and processes that it makes there stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as other:
        _enter(other)
        try:
            yield
        finally:
            _enter(home)


def _enter(namespace):
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


def wire(namespace, address, other, other_address):
    """Joins two network namespaces by a cable with an address of one /24 at either end."""
    run("ip", "link", "add", "up0", "netns", namespace, "type", "veth", "peer", "name", "up0", "netns", other)
    for name, own in ((namespace, address), (other, other_address)):
        lines = ["link set lo up", "link set up0 up", f"address add {own}/24 dev up0"]
        run("ip", "-n", name, "-batch", "-", input="\n".join(lines))


def listen(namespace, port):
    """A listening TCP socket at all addresses that the namespace has, or will have."""
    with inside(namespace):
        listener = socket.create_server(("0.0.0.0", port))
    listener.settimeout(PATIENCE_SECONDS)
    return listener


def reach(namespace, address, port, listener):
    """Connects from a namespace to `listener` by way of `address` and `port`.

    Returns the address that the listener sees, or None if the connection was refused.
    """
    with inside(namespace):
        client = socket.socket()
    with client:
        client.settimeout(PATIENCE_SECONDS)
        # The end is a reset, which leaves nothing behind that waits.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            client.connect((address, port))
            connection, (seen, _) = listener.accept()
        except ConnectionRefusedError:
            return None
        except TimeoutError as error:
            raise RuntimeError(f"{namespace}: nobody answers at {address} port {port}") from error
        connection.close()
        return seen


def tool(name):
    """The whole path of a program that the host has to have."""
    path = shutil.which(name)
    if not path:
        raise RuntimeError(f"{name} is not installed")
    return path
