r"""Flags in a text: `a boat leaves --duration 10 --camera zoom 5` is a prompt and what was chosen for its clip.

A flag stands between spaces and begins with two hyphens, which some phones turn into a dash. What comes after the
values of a flag belongs to the prompt again. `\--word` is no flag but these letters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.domain.errors import Refused
from bot.domain.requests import CameraMove
from bot.language import marked, tr

Chosen: TypeAlias = str | int | float | bool
"""A value as the option of the same name of a command has it."""

_HYPHENS = "--"
_MAX_NAME = 32
_MARK = r"(?:--|[\u2014\u2013])"
_FLAG = re.compile(rf"(?<!\S)({_MARK})([^\W\d_][\w-]*)[.,;!]*(?:=|(?=\s)|$|(?=\W))")
_PLAIN = re.compile(rf"(?<!\S)\\(\\*{_MARK}[^\W\d_])")
_LIKE_A_FLAG = re.compile(rf"(?<!\S)(\\*{_MARK}[^\W\d_])")
_TOKEN = re.compile(r"\s*(\S+)")
_QUOTED = re.compile(r'\s*["“”„]([^"“”„]*)["“”](?!\S)')
_SECONDS = re.compile(r"(?i)([0-9]{1,4})(?:s|sec|seconds)?[.,;!]?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}(?:[.,][0-9]{1,6})?")
_SIMPLE_MOVES = frozenset(CameraMove)


class FlagsUnclear(Refused):
    """A flag in the text cannot be made sense of; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A text taken apart."""

    prompt: str
    chosen: Mapping[str, Chosen]
    """By the names of the options of commands."""


@dataclass(slots=True)
class _Rest:
    """What comes after a flag, up to the next one."""

    text: str

    def token(self) -> str | None:
        """Take the next word away."""
        found = _TOKEN.match(self.text)
        if found is None:
            return None
        self.text = self.text[found.end() :]
        return found[1]

    def number(self) -> float | None:
        """Take the next word away if it is a number."""
        found = _TOKEN.match(self.text)
        written = found and found[1].rstrip(".,;!")
        if not found or not written or not _NUMBER.fullmatch(written):
            return None
        self.text = self.text[found.end() :]
        return float(written.replace(",", "."))

    def words(self) -> str:
        """Take what stands in quotes away, or else everything."""
        found = _QUOTED.match(self.text)
        words, self.text = (found[1], self.text[found.end() :]) if found else (self.text, "")
        return words.strip()


_TEXTS = frozenset({"negative"})
_TRUTHS = frozenset({"draft", "spoiler", "sound", "watermark"})
_EXAMPLES = {
    "duration": marked("a number of seconds"),
    "model": marked("the name of a model"),
    "camera": marked("a move, and how far: -10 to 10"),
    "quality": marked("a quality: std, pro or 4k"),
    "aspect": marked("a shape, such as 9:16"),
    "negative": marked("what should not be seen"),
    "provider": marked("the name of a provider"),
    "voices": marked("voice ids, separated by commas"),
    "guidance": marked("a number from 0 to 1"),
}
"""What has to stand behind each flag that is not a mere yes."""

KNOWN = (*_EXAMPLES, *sorted(_TRUTHS))
"""Every flag."""


def read(text: str) -> Flagged:
    """Take a text apart.

    Raises:
        FlagsUnclear: a flag is not known, stands there twice, or has no value or a wrong one.
    """
    flags = [flag for flag in _FLAG.finditer(text) if flag[1] == _HYPHENS or flag[2].lower() in KNOWN]
    ends = [*(flag.start() for flag in flags), len(text)]
    prompt, chosen = [text[: ends[0]]], dict[str, Chosen]()
    for flag, end in zip(flags, ends[1:], strict=True):
        name, rest = flag[2].lower().rstrip("-"), _Rest(text[flag.end() : end])
        _ensure_known(name)
        if name in chosen:
            raise FlagsUnclear(tr("`--{name}` stands there twice; leave one out.", name=name))
        chosen |= _values(name, rest)
        prompt.append(rest.text)
    words = " ".join(part.strip() for part in prompt if part.strip())
    return Flagged(_PLAIN.sub(r"\1", words), chosen)


def escaped(prompt: str) -> str:
    """A prompt as `read` gives it back, whatever in it looks like a flag."""
    return _LIKE_A_FLAG.sub(r"\\\1", prompt)


def without_mention(text: str, user_id: int) -> str:
    """A text without the mentions of one user."""
    return " ".join(filter(None, map(str.strip, re.split(rf"<@!?{user_id}>", text))))


def _ensure_known(name: str) -> None:
    if name not in KNOWN:
        known = ", ".join(f"`--{one}`" for one in KNOWN)
        shown = name[:_MAX_NAME]
        raise FlagsUnclear(tr("There is no flag `--{name}`; there are {known}.", name=shown, known=known))


def _values(name: str, rest: _Rest) -> dict[str, Chosen]:
    if name in _TRUTHS:
        return {name: True}
    if name == "camera":
        return _camera(rest)
    value = _value(name, rest)
    if value is None or value == "":
        wanted = tr(_EXAMPLES[name])
        raise FlagsUnclear(tr("Behind `--{name}` belongs {wanted}.", name=name, wanted=wanted))
    return {name: value}


def _value(name: str, rest: _Rest) -> Chosen | None:
    if name in _TEXTS:
        return rest.words()
    if name == "guidance":
        return rest.number()
    token = rest.token() or ""
    if name == "duration":
        found = _SECONDS.fullmatch(token)
        return int(found[1]) if found else None
    bare = token.strip('"“”„').rstrip(".,;!")
    return bare if name in ("model", "voices") else bare.lower()


def _camera(rest: _Rest) -> dict[str, Chosen]:
    move = (rest.token() or "").lower().replace("-", "_").rstrip(".,;!")
    if not move:
        wanted = tr(_EXAMPLES["camera"])
        raise FlagsUnclear(tr("Behind `--{name}` belongs {wanted}.", name="camera", wanted=wanted))
    amount = rest.number() if move in _SIMPLE_MOVES else None
    return {"camera": move} if amount is None else {"camera": move, "camera_amount": amount}
