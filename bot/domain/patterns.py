"""Regular expressions by people who are not trusted: RE2, with its size and memory bounded."""

from typing import Any, Protocol, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

from bot.language import tr

_MAX_BYTES = 1 << 18
"""For a program and what RE2 remembers while it runs; one that is too large takes some milliseconds to be refused."""


class PatternInvalid(ValueError):
    """What is wrong with a pattern, in RE2's words."""


class _Match(Protocol):
    def start(self) -> int: ...

    def end(self) -> int: ...


class _Compiled(Protocol):
    """What is used of google-re2, which has no types of its own."""

    programsize: int

    def search(self, text: str) -> _Match | None: ...


class Pattern:
    """A compiled pattern. Upper and lower case are the same to it, and groups are for grouping only."""

    def __init__(self, text: str) -> None:
        """Compile `text`.

        Raises:
            PatternInvalid: RE2 does not take it.
        """
        self.text = text
        self._compiled = _compile(text)
        self.size: int = self._compiled.programsize
        """In RE2's instructions."""

    def is_in(self, text: str) -> bool:
        """Whether a text has a place that it fits."""
        return self._compiled.search(text) is not None

    def is_empty_in(self, text: str) -> bool:
        """Whether it fits a place without characters in a text."""
        found = self._compiled.search(text)
        return found is not None and found.start() == found.end()


def _compile(text: str) -> _Compiled:
    library: Any = re2
    options = library.Options()
    options.max_mem = _MAX_BYTES
    options.never_capture = True
    options.case_sensitive = False
    options.log_errors = False
    try:
        library.compile(f"(?:{text})", options)  # what is only one with a bracket of its neighbour's is none
        return cast("_Compiled", library.compile(text, options))
    except library.error as fault:
        said = fault.args[0]
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise PatternInvalid(words.partition(":")[0]) from fault
    except UnicodeError as fault:
        raise PatternInvalid(tr("it has half a character in it")) from fault
