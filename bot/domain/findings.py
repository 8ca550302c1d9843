"""What was looked at, and how it is: for the operator."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How it is."""

    FINE = "✓"
    DOUBT = "!"  # the bot works, but not all of it, or not for long
    FAULT = "✗"  # the bot cannot work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    words: str
    todo: str = ""
    """What to do about it; empty where nothing is to be done."""

    def __str__(self) -> str:
        line = f"{self.level.value} {self.about}: {self.words}"
        return f"{line}\n    {self.todo}" if self.todo else line


def fine(about: str, words: str) -> Finding:
    """It is as it should be."""
    return Finding(Level.FINE, about, words)


def doubt(about: str, words: str, todo: str = "") -> Finding:
    """It may be a reason for trouble."""
    return Finding(Level.DOUBT, about, words, todo)


def fault(about: str, words: str, todo: str) -> Finding:
    """It is one."""
    return Finding(Level.FAULT, about, words, todo)


def number_of(number: int, thing: str) -> str:
    """In English, as findings are: `1 job`, `1,200 jobs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
