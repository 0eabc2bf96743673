"""A small strict reader of Dockerfiles and .dockerignore: what it does not know, it refuses."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

KNOWN = frozenset(
    {"FROM", "LABEL", "RUN", "WORKDIR", "COPY", "ENV", "VOLUME", "USER", "EXPOSE"}
    | {"HEALTHCHECK", "CMD"}
)


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str


@dataclass
class Stage:
    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [each.text for each in self.instructions if each.name == name]


@dataclass(frozen=True)
class Copy:
    sources: tuple[str, ...]
    target: str
    stage: str | None


def parse(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile; an unknown instruction is a ValueError."""
    stages: list[Stage] = []
    for line in _logical_lines(text):
        name, _, rest = line.partition(" ")
        if name not in KNOWN:
            raise ValueError(f"unknown instruction: {line}")
        if name == "FROM":
            match = re.fullmatch(r"(\S+) AS ([a-z]+)", rest)
            if not match:
                raise ValueError(f"a stage needs an image and a name: {line}")
            stages.append(Stage(*match.groups()))
        else:
            stages[-1].instructions.append(Instruction(name, rest.strip()))
    return stages


def _logical_lines(text: str) -> list[str]:
    rows = [row for row in text.splitlines() if row.strip() and not row.lstrip().startswith("#")]
    joined = "\n".join(rows).replace("\\\n", " ")
    return [row.strip() for row in joined.splitlines()]


def copies(stage: Stage) -> list[Copy]:
    """Return the COPY instructions of a stage."""
    found = []
    for text in stage.all("COPY"):
        words = text.split()
        flags = [word for word in words if word.startswith("--")]
        source = next((flag.removeprefix("--from=") for flag in flags if "--from=" in flag), None)
        if len(flags) > (source is not None):
            raise ValueError(f"unknown flag: {text}")
        *sources, target = words[len(flags) :]
        found.append(Copy(tuple(sources), target, source))
    return found


def shell_line(text: str) -> str:
    """Return the command of a RUN instruction without BuildKit's mount flags."""
    return re.sub(r"^(--mount=\S+\s+)+", "", text)


def command(text: str) -> list[str]:
    """Return a CMD in its JSON form; the shell form is refused."""
    words = json.loads(text)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"not the JSON form: {text}")
    return words


def environment(stage: Stage) -> dict[str, str]:
    """Return the variables that a stage sets."""
    pairs = (word.partition("=") for text in stage.all("ENV") for word in shlex.split(text))
    return {name: value for name, _, value in pairs}


def ignored(path: PurePosixPath, rules: list[str]) -> bool:
    """Return whether .dockerignore keeps a file out: the last rule that matches wins."""
    verdict = False
    parents = [str(path), *(str(parent) for parent in path.parents if str(parent) != ".")]
    for rule in rules:
        pattern = rule.removeprefix("!")
        if any(_matches(each, pattern) for each in parents):
            verdict = not rule.startswith("!")
    return verdict


def ignore_rules(text: str) -> list[str]:
    """Return the rules of a .dockerignore in order."""
    rows = (row.strip() for row in text.splitlines())
    return [row for row in rows if row and not row.startswith("#")]


def context_files(root: Path, source: str, rules: list[str]) -> list[PurePosixPath]:
    """Return the files under a COPY source that the build would be given."""
    start = root / source
    paths = [start] if start.is_file() else sorted(p for p in start.rglob("*") if p.is_file())
    relative = [PurePosixPath(path.relative_to(root).as_posix()) for path in paths]
    return [path for path in relative if not ignored(path, rules)]


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rsplit("/", 1)[-1], pattern.removeprefix("**/"))
    return fnmatch(path, pattern) and path.count("/") == pattern.count("/")
