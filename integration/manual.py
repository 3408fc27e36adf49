# SPDX-License-Identifier: Apache-2.0
"""The pages of this repository: their code, their links, and what may be typed after `culvert`."""
from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

from implementations import REPOSITORY, build_directory

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "conf" / "README.md",
                REPOSITORY / "integration" / "README.md"])
#: What stands before a command and is none.
LEAD = re.compile(r"^(?:[$#] |sudo (?:-E )?|time |[A-Z_]+=\S+ |export )+")
TOOLS = ("culvert", "ipam", "cnitool")
#: What reads like a command: the alias of a link.
NO_COMMANDS = {("culvert", "bandwidth")}
#: Written for any number of words.
ELLIPSES = {"...", "…"}


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of code that stands on lines of its own."""

    #: What stands behind the fence: a language, and the path of a file; empty where the code is indented.
    language: str
    path: str
    text: str
    #: The nearest heading above.
    section: str


def blocks(page: pathlib.Path) -> list[Block]:
    """The code of a page, fenced or indented."""
    found: list[Block] = []
    section, fence, lines = "", None, []
    for line in [*page.read_text().splitlines(), ""]:
        if fence is not None:
            if line.startswith("```"):
                words = [*fence.split(), "", ""]
                found.append(Block(words[0], words[1], "\n".join(lines) + "\n", section))
                fence, lines = None, []
            else:
                lines.append(line)
        elif line.startswith("    ") or (lines and not line.strip()):
            lines.append(line[4:])
        else:
            if lines:
                found.append(Block("", "", "\n".join(lines).rstrip() + "\n", section))
                lines = []
            if line.startswith("```"):
                fence = line[3:]
            elif line.startswith("#"):
                section = line.lstrip("#").strip()
    if lines:
        found.append(Block("", "", "\n".join(lines).rstrip() + "\n", section))
    return found


def commands(page: pathlib.Path) -> Iterator[list[str]]:
    """The calls of our tools on a page, in blocks and in the text, as words."""
    lines = [line for block in blocks(page) for line in block.text.replace("\\\n", " ").splitlines()]
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines += [" ".join(span.replace("\\|", "|").split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    for line in lines:
        # What a program printed begins with its name and a colon.
        if re.match(r"^\s|\w+: ", line):
            continue
        line = re.sub(r"\[[^\]]*\]", lambda match: all_of(match.group()[1:-1]), line)
        for piece in re.split(r"&&|\|\||[;|]|\$\(", re.sub(r"(?:^|\s)#\s.*", "", LEAD.sub("", line))):
            piece = LEAD.sub("", piece.strip())
            try:
                words = shlex.split(piece)
            except ValueError:
                words = piece.split()
            if words and words[0] in TOOLS and tuple(words[:2]) not in NO_COMMANDS:
                yield words


def all_of(synopsis: str) -> str:
    """Of alternatives in brackets all options; of words, which may be values, the first."""
    return re.sub(r"\s*\|\s*", " ", re.sub(r"\s*\|\s*[^\s|-][^\s|]*", "", synopsis))


class CommandTree:
    """What the built program takes, as it says itself."""

    def __init__(self) -> None:
        said = subprocess.run([build_directory() / "culvert", "--experimental-dump-help"], capture_output=True,
                              text=True, check=True).stdout
        self.root: dict[str, Any] = json.loads(said)["command"]

    @staticmethod
    def below(command: dict[str, Any], name: str) -> dict[str, Any] | None:
        """A subcommand."""
        return next((each for each in command.get("subcommands", []) if each["commandName"] == name), None)

    @staticmethod
    def option(command: dict[str, Any], word: str) -> dict[str, Any] | None:
        """The description of an option."""
        for argument in command.get("arguments", []):
            for name in argument.get("names", []):
                dashes = "-" if name["kind"] == "short" else "--"
                if f"{dashes}{name['name']}" == word:
                    return argument
        return None

    def complaint(self, words: list[str]) -> str:
        """Why a command cannot be typed; empty when it can."""
        command = self.root if words[0] == "culvert" else self.below(self.root, words[0])
        assert command, words
        rest, given = words[1:], 0
        while rest:
            word = rest.pop(0)
            if word in ELLIPSES:
                continue
            if word.startswith("-") and word != "-":
                name, _, value = word.partition("=")
                option = self.option(command, name)
                if name in ("--help", "-h", "--version"):
                    continue
                if not option:
                    return f"{command['commandName']} has no option {name}"
                if option["kind"] == "option" and not value and rest:
                    rest.pop(0)
                continue
            if below := self.below(command, word):
                command, given = below, 0
                continue
            if command.get("subcommands"):
                # COMMAND stands for any.
                return "" if word.isupper() else f"{command['commandName']} has no command {word}"
            given += 1
            places = [each for each in command.get("arguments", []) if each["kind"] == "positional"]
            if not any(each["isRepeating"] for each in places) and given > len(places):
                return f"{command['commandName']} takes no {word}"
        return ""

    def shown(self) -> list[str]:
        """All commands that help tells of, such as `culvert ipam usage`."""
        def walk(command: dict[str, Any], path: str) -> Iterator[str]:
            for each in command.get("subcommands", []):
                if each["commandName"] != "help" and each.get("shouldDisplay", True):
                    yield f"{path} {each['commandName']}"
                    yield from walk(each, f"{path} {each['commandName']}")
        return list(walk(self.root, "culvert"))


def links(page: pathlib.Path) -> list[str]:
    """Where a page leads within the repository."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", text))
    return [link for link in found if not re.match(r"^[a-z]+:", link)]


def anchors(page: pathlib.Path) -> set[str]:
    """What headings are called in links, as GitHub makes it of them."""
    found: set[str] = set()
    fenced = False
    for line in page.read_text().splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (match := re.match(r"#+ (.*)", line)):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def documents(page: pathlib.Path) -> Iterator[dict[str, Any]]:
    """The configurations among the code of a page: lists, plugins, and what stands in them."""
    for block in blocks(page):
        for text in (block.text, f"{{{block.text}}}"):
            try:
                found = json.loads(text)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found
            break
