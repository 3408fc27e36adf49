# SPDX-License-Identifier: Apache-2.0
"""What pages tell to type can be typed, and where they lead is something."""
from __future__ import annotations

import json
import pathlib
import re
import subprocess
from typing import Any

import pytest

import manual
from implementations import PLUGINS, REPOSITORY, build_directory

pytestmark = pytest.mark.needs_culvert
DOCS = REPOSITORY / "docs"


@pytest.fixture(scope="module")
def tree() -> manual.CommandTree:
    """What the program takes."""
    return manual.CommandTree()


@pytest.mark.parametrize("page", manual.PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_exist(page: pathlib.Path, tree: manual.CommandTree) -> None:
    """Every command with every option that a page has."""
    complaints = {" ".join(words): tree.complaint(words) for words in manual.commands(page)}
    assert {words: why for words, why in complaints.items() if why} == {}


def test_pages_have_commands() -> None:
    """The test above looks at something."""
    found = [words for page in manual.PAGES for words in manual.commands(page)]
    assert len(found) > 100
    assert ["culvert", "gc", "--yes"] in found and ["ipam", "check", "--network", "lan"] in found


@pytest.mark.parametrize("words, why", [
    ("culvert frobnicate", "no command"), ("culvert gc --maybe", "no option"), ("ipam usage now", "takes no"),
    ("culvert ipam list --networks lan", "no option"), ("culvert gc --yes", ""), ("ipam list -o json", ""),
    ("cnitool add net /run/netns/x", ""), ("ipam show 10.0.0.1", ""), ("ipam COMMAND --help", ""),
])
def test_wrong_commands_are_found(tree: manual.CommandTree, words: str, why: str) -> None:
    """The judge itself."""
    complaint = tree.complaint(words.split())
    assert why in complaint and bool(why) == bool(complaint)


def test_every_command_has_a_page(tree: manual.CommandTree) -> None:
    """No command that no page tells of; tools of their own may be called by their names."""
    text = " ".join(" ".join(page.read_text().replace("\\|", "|").split()) for page in DOCS.glob("*.md"))
    missing = []
    for command in tree.shown():
        words = command.split()
        short = " ".join(words[1:]) if words[1] in manual.TOOLS else command
        # A manual may have the commands of one tool in a table, without the tool's name.
        alone = rf"`{re.escape(words[-1])}\b|\| `[^|]*\b{re.escape(words[-1])}\b"
        told = [command, short, f"culvert {words[1]}"] if len(words) == 2 else [command, short]
        if not any(name in text for name in told) and not (len(words) > 2 and re.search(alone, text)):
            missing.append(command)
    assert missing == []


@pytest.mark.parametrize("page", manual.PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    """Files and headings are there."""
    broken = []
    for link in manual.links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in manual.anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_found() -> None:
    """From the index, or from the README."""
    reached = {(page.parent / link.partition("#")[0]).resolve()
               for page in (DOCS / "README.md", REPOSITORY / "README.md") for link in manual.links(page)}
    assert {page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page not in reached} == set()


@pytest.mark.parametrize("page", sorted((REPOSITORY / "Sources").glob("*/*.docc/*.md")), ids=lambda page: page.stem)
def test_pages_of_modules_name_what_is_there(page: pathlib.Path) -> None:
    """Every symbol between double backticks is declared in the module, or is a module."""
    sources = "\n".join(path.read_text() for path in page.parent.parent.rglob("*.swift"))
    declared = set(re.findall(r"\b(?:class|struct|enum|protocol|func|let|var|case|typealias|extension) +`?(\w+)", sources))
    declared |= {"init", *(name for case in re.findall(r"\bcase (.*)", sources) for name in re.findall(r"\w+", case)),
                 *(path.name for path in (REPOSITORY / "Sources").iterdir())}
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    names = [name for link in re.findall(r"``([^`]+)``", text) for name in re.findall(r"\w+", re.sub(r"\(.*", "", link))]
    assert names and [name for name in names if name not in declared] == []


def test_every_plugin_has_a_page() -> None:
    """With all verbs."""
    for plugin in PLUGINS:
        text = (DOCS / f"{plugin}.md").read_text()
        assert text.startswith(f"# {plugin}\n")
        assert [verb for verb in ("ADD", "CHECK", "DEL", "STATUS", "GC") if f"| {verb} |" not in text] == [], plugin


def test_every_code_is_in_troubleshooting() -> None:
    """An operator who has a number finds what to do."""
    def codes(page: str) -> set[str]:
        return {code for line in (DOCS / page).read_text().splitlines() if re.match(r"\| \d", line)
                for code in re.findall(r"\d+", line.split("|")[1])}
    # Told by the tool, by CHECK, and of the caller's mistakes.
    assert codes("errors.md") - codes("troubleshooting.md") == {"3", "5", "8", "51", "105", "999"}


def test_findings_named_are_findings() -> None:
    """Troubleshooting names no finding that the doctor does not have."""
    known = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (DOCS / "doctor.md").read_text(), flags=re.MULTILINE))
    text = (DOCS / "troubleshooting.md").read_text()
    named = set(re.findall(r"`((?:config|plugin|kernel|pool|store|lease|port|bridge|link|chains|ifb|cache|rules|mtu|"
                           r"forward|forwarding|gateway|firewall|udev|networkmanager|rp|ipv6)-[a-z-]+)`", text))
    assert len(named) > 20 and named - known == set()


def test_manual_pages_are_well_formed() -> None:
    """Of the program, its tools and all plugins: groff has nothing to say, and the page has its parts."""
    program = str(build_directory() / "culvert")
    for page in ("culvert", "ipam", "cnitool", *PLUGINS):
        source = subprocess.run([program, "manual", page], capture_output=True, text=True, check=True).stdout
        done = subprocess.run(["groff", "-Kutf8", "-man", "-Tutf8", "-ww", "-P-c", "-P-bou", "-rLL=100n"],
                              input=source, capture_output=True, text=True, check=True)
        assert done.stderr == "", (page, done.stderr)
        assert all(part in done.stdout for part in ("NAME", "DESCRIPTION")), page
        if page in PLUGINS:
            words = " ".join(done.stdout.replace("\u2010", "-").replace("\u2212", "-").split())
            assert f"culvert-{page} - CNI plugin {page}:" in words
            assert "EXAMPLE" in done.stdout and "SEE ALSO" in done.stdout


def test_keys_for_programs() -> None:
    """`culvert keys -o json` has every plugin, and its tables are those of the pages."""
    program = str(build_directory() / "culvert")
    said = subprocess.run([program, "keys", "-o", "json"], capture_output=True, text=True, check=True).stdout
    plugins = {entry["plugin"]: entry for entry in json.loads(said)["plugins"]}
    assert set(plugins) == set(PLUGINS)
    for name, entry in plugins.items():
        assert all(key["path"] and key["type"] and "example" in key for key in entry["keys"])
        assert entry["example"]["type"] == name or entry["example"]["ipam"]["type"] == name
        table = subprocess.run([program, "keys", name, "-o", "markdown"], capture_output=True, text=True,
                               check=True).stdout
        page = (DOCS / f"{name}.md").read_text()
        assert all(line in page for line in table.splitlines()), name


#: The kinds of `culvert keys`, as Python has them; what is true is no integer.
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "list": list, "object": dict}


def catalogue() -> dict[str, dict[str, list[str]]]:
    """The kinds of each key of each plugin."""
    said = subprocess.run([build_directory() / "culvert", "keys", "-o", "json"], capture_output=True, text=True,
                          check=True).stdout
    return {entry["plugin"]: {key["path"]: key["kinds"] for key in entry["keys"]}
            for entry in json.loads(said)["plugins"]}


def strange(known: dict[str, list[str]], plugin: dict[str, Any], place: str, common: set[str]) -> list[str]:
    """Keys of an object that nobody reads, or that have values of another kind."""
    found = []
    for key, value in plugin.items():
        kinds = known.get(place + key)
        if not kinds and key not in common:
            found.append(place + key)
        elif kinds and not any(isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
                               for kind in kinds):
            found.append(f"{place}{key}: {value!r}")
    return found


def test_configurations_on_pages_have_known_keys() -> None:
    """Examples are spelled as the plugins read them, with values of the right kinds."""
    known, tried, wrong = catalogue(), 0, []
    common = {"cniVersion", "name", "type", "ipam", "capabilities", "runtimeConfig", "args", "dns", "prevResult"}
    files = [json.loads(path.read_text()) for path in (REPOSITORY / "conf").glob("*.conflist")]
    for document in [*files, *(found for page in manual.PAGES for found in manual.documents(page))]:
        for plugin in document.get("plugins", [document]):
            if plugin.get("type") in known:
                wrong += strange(known[plugin["type"]], plugin, "", common)
                tried += 1
            if isinstance(ipam := plugin.get("ipam"), dict) and ipam.get("type") in known:
                wrong += strange(known[ipam["type"]], ipam, "ipam.", set())
                tried += 1
    assert wrong == [] and tried > 60
