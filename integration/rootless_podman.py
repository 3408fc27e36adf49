# SPDX-License-Identifier: Apache-2.0
"""A host on which an ordinary user runs podman, whose networks are in namespaces of that user."""
from __future__ import annotations

import images
from engine import EngineHost
from host import Outcome, until
from implementations import Implementation
from podman import CONFIGURATION, IMAGE, POLICY
from rootless import AS_USER, USER
from traffic import bracketed

HOME, OWN_RUN = "/home/user", f"/run/user/{USER}"
#: podman has a /run of its own for the networks: plugins in there would not be found.
PLUGINS = "/home/plugins"
CULVERT = f"{PLUGINS}/culvert"
PAGE = "hello\n"
BUSYBOX = "/bin/busybox"
STORAGE = '[storage]\ndriver = "vfs"\n'
#: Besides what podman needs anyway. slirp4netns, its way out, needs a device that is not everybody's here.
PREPARATION = f"""
mount -t tmpfs tmpfs /home
mkdir -p {HOME}/.config/containers {OWN_RUN} {PLUGINS}
mknod -m 666 /run/tun c 10 200
mount --bind /run/tun /dev/net/tun
echo $(getent passwd {USER} | cut -d: -f1):100000:65536 >/run/identities
mount --bind /run/identities /etc/subuid
mount --bind /run/identities /etc/subgid
"""


class RootlessPodmanHost(EngineHost):
    """A host with a user's podman, and an image to make containers of."""

    def __init__(self, implementation: Implementation) -> None:
        super().__init__(PREPARATION)
        try:
            self.must(f"cp {implementation.directory}/* {PLUGINS}; mv {PLUGINS}/cnitool {CULVERT}; chmod 755 {PLUGINS}/*")
            configuration = CONFIGURATION.replace("/run/plugins", PLUGINS).replace("/etc/cni/net.d", f"{HOME}/networks")
            for name, text in (("containers.conf", configuration), ("storage.conf", STORAGE), ("policy.json", POLICY)):
                self.path(f"{HOME}/.config/containers/{name}").write_text(text, encoding="utf-8")
            images.make_busybox(self.path("/run/image"), PAGE)
            self.must(f"tar -C /run/image -c . >{HOME}/image.tar; chown -R {USER}:{USER} {HOME} {OWN_RUN}")
            self.does("import", "-q", f"{HOME}/image.tar", IMAGE)
        except BaseException:
            self.close()
            raise

    def podman(self, *words: str) -> Outcome:
        """Runs podman as the user."""
        environment = [f"HOME={HOME}", f"XDG_RUNTIME_DIR={OWN_RUN}", f"TMPDIR={HOME}",
                       "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return self.run([*AS_USER, "env", "-C", HOME, *environment, "podman", *words])

    def does(self, *words: str) -> str:
        """Runs podman, which has to succeed, and returns what it printed."""
        outcome = self.podman(*words)
        assert outcome.ok, f"podman {' '.join(words)}: {outcome.stdout} {outcome.stderr}"
        return outcome.stdout.strip()

    def among_networks(self, command: str) -> str:
        """What a shell line prints in the namespace that has the bridges."""
        return self.does("unshare", "--rootless-netns", "sh", "-ec", command)

    def runs(self, name: str, *words: str) -> None:
        """Starts a container that serves a page on port 80."""
        self.does("run", "-d", "--name", name, *words, IMAGE, BUSYBOX, "httpd", "-f", "-p", "80", "-h", "/www")
        until(lambda: self.reads(name, "127.0.0.1"), f"{name} serves")

    def reads(self, name: str, address: str, port: int = 80) -> bool:
        """Whether a client in a container gets the page of a server."""
        url = f"http://{bracketed(address)}:{port}/"
        return self.podman("exec", name, BUSYBOX, "timeout", "5", BUSYBOX, "wget", "-qO-", url).stdout == PAGE
