# SPDX-License-Identifier: Apache-2.0
"""Where the plugins under test and the reference plugins are."""
from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
REFERENCE_DIRECTORY = pathlib.Path("/usr/lib/cni")
#: `foreign-ipam`, a plugin that nobody has in its own process.
FOREIGN_DIRECTORY = REPOSITORY / "integration" / "foreign"
#: Those that the reference, in the release that we are compared with, has as well.
SHARED = ("bandwidth", "bridge", "dhcp", "firewall", "host-device", "host-local", "ipvlan", "loopback", "macvlan",
          "portmap", "ptp", "sbr", "static", "tuning", "vlan", "vrf")
PLUGINS = (*SHARED, "dummy", "tap", "vswitch")


@dataclasses.dataclass(frozen=True)
class Implementation:
    """One directory of CNI plugins, under a name that test reports use."""

    name: str
    directory: pathlib.Path
    #: Directories searched after ours, for plugins we do not ship.
    fallback: tuple[pathlib.Path, ...] = ()

    @property
    def cni_path(self) -> str:
        """The value of CNI_PATH."""
        return ":".join(str(path) for path in (self.directory, *self.fallback))

    def executable(self, plugin: str) -> str:
        """The first file of that name on CNI_PATH, as a runtime would look it up."""
        for directory in (self.directory, *self.fallback):
            candidate = directory / plugin
            if candidate.is_file():
                return str(candidate)
        raise FileNotFoundError(f"no plugin {plugin} in {self.cni_path}")


def build_directory() -> pathlib.Path:
    """What CULVERT_BIN names: a directory with culvert-cni, or one with the plugins themselves."""
    return (REPOSITORY / os.environ.get("CULVERT_BIN", ".build/release")).resolve()


def testing_the_reference() -> bool:
    """True when CULVERT_BIN points at the reference plugins, to try out the tests themselves."""
    return build_directory() == REFERENCE_DIRECTORY.resolve()


def link_or_copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """A hard link as `make install` makes it, or a copy where the file system refuses."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def install() -> Implementation:
    """Links the binary under every plugin name in a new directory, the caller removes it with `uninstall`."""
    built = build_directory()
    binary = built / "culvert-cni"
    if not binary.is_file():
        if all((built / plugin).is_file() for plugin in SHARED):
            return Implementation("ours", built, (REFERENCE_DIRECTORY, FOREIGN_DIRECTORY))
        raise FileNotFoundError(f"neither {binary} nor plugins in {built}: run `make build` or set CULVERT_BIN")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="integration-", dir=built.parent))
    directory.chmod(0o755)
    for plugin in PLUGINS:
        link_or_copy(binary, directory / plugin)
    for daemon in ("culvert-dhcpd", "culvert-switchd"):
        if (built / daemon).is_file():
            link_or_copy(built / daemon, directory / daemon)
    tool = built / "culvert"
    if tool.is_file():
        link_or_copy(tool, directory / "cnitool")
        link_or_copy(tool, directory / "ipam")
    return Implementation("ours", directory, (REFERENCE_DIRECTORY, FOREIGN_DIRECTORY))


def uninstall(implementation: Implementation) -> None:
    """Removes what `install` made; the reference's own directory stays."""
    if implementation.directory.name.startswith("integration-"):
        shutil.rmtree(implementation.directory)


REFERENCE = Implementation("reference", REFERENCE_DIRECTORY, (FOREIGN_DIRECTORY,))
