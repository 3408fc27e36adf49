# SPDX-License-Identifier: Apache-2.0
"""A host on which firewalld decides, with a system bus of its own."""
from __future__ import annotations

import re
import time

from host import Host

#: A zone that lets everything through, besides `trusted`.
ZONE = "containers"
#: Everything that firewalld writes goes with the host, and so do all processes: they are the host's alone.
PREPARATION = f"""
mount -t proc proc /proc
for directory in /etc/firewalld /var/log /usr/local/bin; do mount -t tmpfs tmpfs $directory; done
mkdir /run/dbus /etc/firewalld/zones
cat >/etc/firewalld/zones/{ZONE}.xml <<END
<?xml version="1.0" encoding="utf-8"?>
<zone target="ACCEPT"><short>{ZONE}</short></zone>
END
"""
NAME = "org.fedoraproject.FirewallD1"
CALL = f"dbus-send --system --print-reply --dest={NAME} /org/fedoraproject/FirewallD1 {NAME}"
PATIENCE_SECONDS = 20.0


class FirewalldHost(Host):
    """A host with a system bus and firewalld, as Debian ships both; the default zone rejects what is forwarded."""

    has_own_processes = True

    def __init__(self, settings: str = "") -> None:
        """`settings`: lines of firewalld.conf."""
        super().__init__(PREPARATION)
        self.path("/etc/firewalld/firewalld.conf").write_text(f"{settings}\n", encoding="utf-8")
        try:
            self.start_bus()
            self.start_firewalld()
        except BaseException:
            self.close()
            raise

    def start_bus(self) -> None:
        """Starts the system bus."""
        self.must("dbus-daemon --system --fork --nopidfile --print-pid >/run/bus.pid")

    def start_firewalld(self) -> None:
        """Starts firewalld, and waits until it answers."""
        self.must("firewalld --nofork --nopid </dev/null >/run/firewalld.log 2>&1 & echo $! >/run/firewalld.pid")
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.run(["sh", "-c", f"{CALL}.getDefaultZone"]).ok:
            assert time.monotonic() < end, self.path("/run/firewalld.log").read_text()
            time.sleep(0.02)

    def signal(self, who: str, name: str) -> None:
        """Sends a signal to `bus` or `firewalld`, and waits until whoever does not outlive it is gone."""
        gone = "" if name in ("STOP", "CONT") else "while kill -0 $(cat $file) 2>/dev/null; do sleep 0.01; done"
        self.must(f"file=/run/{who}.pid; kill -{name} $(cat $file); {gone}")

    def stop_firewalld(self) -> None:
        """Ends firewalld, which takes its rules with it."""
        self.signal("firewalld", "TERM")

    def sources(self, zone: str = "trusted") -> set[str]:
        """What belongs to a zone by its address."""
        return set(re.findall('string "(.*)"', self.must(f"{CALL}.zone.getSources string:{zone}")))
