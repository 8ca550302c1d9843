"""Whether what is installed is what was locked, and nothing else."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_TOOLS = frozenset({"pip", "setuptools", "wheel"})
"""What a new environment has by itself."""
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Locked:
    """The requirements of a lock file, as far as they hold on this machine."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.problems: list[str] = []
        self.versions: dict[str, str] = {}
        for entry in _entries(path.read_text()):
            self._add(entry)

    def _add(self, entry: str) -> None:
        stated, *rest = re.split(r"\s+(?=--)", entry)
        try:
            requirement = Requirement(stated)
        except InvalidRequirement:
            self.problems.append(f"{self.name}: {stated[:60]} is no requirement")
            return
        version = _pinned(requirement)
        if version is None:
            self.problems.append(f"{self.name}: {requirement.name} is not pinned to one version")
        if not rest or not all(map(_HASH.fullmatch, rest)):
            self.problems.append(f"{self.name}: {requirement.name} has no hash, or something else beside it")
        if version and (requirement.marker is None or requirement.marker.evaluate()):
            self.versions[canonicalize_name(requirement.name)] = version


def _entries(text: str) -> Iterable[str]:
    """The lines of a lock, joined where they go on, without comments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [entry.strip() for entry in "\n".join(lines).replace("\\\n", " ").splitlines() if entry.strip()]


def _pinned(requirement: Requirement) -> str | None:
    """The version, if it can be only one; None too where it comes from an address."""
    specifiers = list(requirement.specifier)
    is_one = requirement.url is None and len(specifiers) == 1 and specifiers[0].operator == "=="
    return specifiers[0].version if is_one and "*" not in specifiers[0].version else None


def installed() -> dict[str, str]:
    """Every distribution that this interpreter finds, by its name."""
    return {canonicalize_name(found.metadata["Name"]): found.version for found in distributions()}


def differences(locked: Mapping[str, str], found: Mapping[str, str], *, project: str) -> list[str]:
    """What is installed and not locked, locked and not installed, or another version; a sentence each."""
    there = {name: version for name, version in found.items() if name not in _TOOLS and name != project}
    problems = [f"{name} {there[name]} is installed, and not locked" for name in there.keys() - locked.keys()]
    problems += [
        f"{name} {locked[name]} is locked, and not installed" for name in locked.keys() - there.keys()
    ]
    problems += [
        f"{name} is installed as {there[name]}, and locked as {locked[name]}"
        for name in there.keys() & locked.keys()
        if there[name] != locked[name]
    ]
    return sorted(problems)


def unlocked(project: Path, run: Mapping[str, str], dev: Mapping[str, str]) -> list[str]:
    """What the project asks for, or the bot is run with, and a lock does not have; a sentence each."""
    asked = tomllib.loads(project.read_text())["project"]
    problems = [
        f"{name} is asked for in {project.name}, and not locked"
        for lines, lock in ((asked["dependencies"], run), (asked["optional-dependencies"]["dev"], dev))
        for name in _names(lines)
        if name not in lock
    ]
    problems += [
        f"{name} {version} is locked for the bot, and {dev.get(name, 'not')} for its tests"
        for name, version in run.items()
        if dev.get(name) != version
    ]
    return sorted(problems)


def _names(lines: Iterable[str]) -> Iterable[str]:
    requirements = map(Requirement, lines)
    return [
        canonicalize_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate()
    ]
