# SPDX-License-Identifier: Apache-2.0
"""A copy of this machine, with a systemd of its own that runs as on a host."""
from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

import host
from packing import Machine

PATIENCE_SECONDS = 90.0
#: What would change this machine and not the copy, or wait for hardware.
MASKED = (
    "systemd-sysctl.service", "systemd-modules-load.service", "systemd-udevd.service", "systemd-udev-trigger.service",
    "systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "systemd-random-seed.service", "systemd-binfmt.service",
    "systemd-remount-fs.service", "systemd-hwdb-update.service", "kmod-static-nodes.service", "dev-hugepages.mount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount",
    "systemd-journald-audit.socket", "proc-sys-fs-binfmt_misc.automount", "getty.target", "apparmor.service",
    "keyboard-setup.service",
)
#: The file system of this machine with a layer above it. Of devices there is what programs need, and no console; of
#: settings of the kernel only those of the network, which are the namespace's own, can be changed. Control groups are
#: those below a group that goes with the copy. Everything is shared, as systemd has it on a host, so that services see
#: namespaces that are mounted later.
PREPARATION = """
set -e
root=/mnt/root
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/net $root
mount -t overlay overlay -o volatile,lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $root
mount -t tmpfs tmpfs $root/dev
for name in null zero full random urandom tty; do cp -a /dev/$name $root/dev/; done
mkdir $root/dev/net $root/dev/shm $root/dev/pts
cp -a /dev/net/tun $root/dev/net/tun
cp -a /dev/null $root/dev/console
cp -a /dev/null $root/dev/kmsg
mount -t proc proc $root/proc
mount --bind $root/proc/sys/net /mnt/net
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount --bind /mnt/net $root/proc/sys/net
for place in run tmp; do mount -t tmpfs tmpfs $root/$place; done
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
mkdir -p $root/etc/systemd/system
for unit in @MASKED@; do ln -sf /dev/null $root/etc/systemd/system/$unit; done
# It forbids packages to start anything, as in the making of images.
rm -f $root/usr/sbin/policy-rc.d
mount --make-rshared /mnt/root
container=other SYSTEMD_LOG_TARGET=null exec chroot $root /lib/systemd/systemd --system --unit=sysinit.target
"""
#: Puts itself into a control group of its own, which is then the uppermost that it sees.
START = """
set -e
mkdir /run/culvert-groups
mount -t cgroup2 cgroup2 /run/culvert-groups
mkdir /run/culvert-groups/$0
echo $$ >/run/culvert-groups/$0/cgroup.procs
umount /run/culvert-groups
rmdir /run/culvert-groups
exec unshare --pid --ipc --uts --cgroup --mount --propagation private --fork --kill-child sh -c "$1"
"""
#: Takes the control groups away.
CLEAN = """
mount -t tmpfs tmpfs /mnt
mount -t cgroup2 cgroup2 /mnt
test ! -d /mnt/$0 || find /mnt/$0 -depth -type d -exec rmdir {} +
"""


class BootedMachine(Machine):
    """A copy of this machine whose first process is systemd."""

    def __init__(self) -> None:
        self.group = f"culvert-{os.getpid()}-systemd"
        script = PREPARATION.replace("@MASKED@", " ".join(MASKED))
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
             f"mount -t tmpfs tmpfs /run; {START}", self.group, script],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        try:
            self.first = self.until(self.find_first, "a first process")
            self.root = pathlib.Path(f"/proc/{self.first}/root")
            self.until(lambda: self.is_active("sysinit.target"), "a system")
        except BaseException:
            self.__exit__()
            raise

    def find_first(self) -> int:
        """The process that is systemd; 0 as long as there is none."""
        assert self.holder.poll() is None, "no copy of this machine"
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        for child in children:
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        return 0

    def __exit__(self, *unused: object) -> None:
        self.holder.kill()
        self.holder.wait()
        clean = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CLEAN, self.group]
        self.until(lambda: subprocess.run(clean, capture_output=True, check=False).returncode == 0, "no control groups")

    def enter(self, *words: str) -> list[str]:
        """The command that runs another one there."""
        return ["nsenter", "--target", str(self.first), "--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup",
                "--root", "--wd", "--", *words]

    def shell(self, script: str) -> str:
        """What a script says there that has to succeed."""
        return self.must("sh", "-euc", script)

    @staticmethod
    def until(condition: Callable[[], Any], what: str) -> Any:
        """Waits for a condition to be true, and returns what it was."""
        return host.until(condition, what, PATIENCE_SECONDS)

    def is_active(self, unit: str) -> bool:
        """Whether a unit runs."""
        return self.run("systemctl", "is-active", unit).returncode == 0

    def status(self, unit: str) -> str:
        """What to show of a unit when something is wrong with it."""
        return self.run("systemctl", "--no-pager", "status", unit).stdout
