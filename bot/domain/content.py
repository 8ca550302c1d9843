"""Content rules: what a server's moderators do not want clips of, in words and patterns.

A list is text with a rule a line: what is not wanted and, if they like, ` | ` and the reason that a member is told.

Words are compared as people read them: without case, accents, invisible characters, what is put between their letters and
letters of other scripts that look the same, and once more with digits and signs as letters. A rule is met by whole words;
`*` at an end stands for more letters there. Patterns are regular expressions of RE2, whose time is linear in the text
whatever they are (https://github.com/google/re2/wiki/WhyRE2); they see the text as it was written, and once more as it reads.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from bot.domain.errors import Unchanged
from bot.domain.lookalikes import CAPITALS, LETTERS, READINGS
from bot.domain.patterns import Pattern, PatternInvalid
from bot.domain.requests import Options
from bot.language import tr, trn

MAX_CHARACTERS = 4000
"""Of a list: what a field of a modal takes."""
MAX_RULES = 200
MAX_REASON = 200

_MAX_SIZE = 1_500  # \pL, any letter of any script, has 1,200
_MAX_SIZE_TOGETHER = 4_000
"""Of patterns, in RE2's instructions. Each takes some 4 ns at worst for each character of a text."""
_MAX_NAMED = 25
"""Patterns that are wrong, in one answer: to find out may take milliseconds for each."""
_MAX_TOLD = 15
_SLOW_FROM = 300
_LONG = 2_000
"""Characters once they are taken apart; more may take over ten milliseconds."""
_PROBES = ("", "a", "a b", "-")
_KEPT = 128
"""Servers whose rules stay ready."""
_CHARACTERS = 4096


class RulesUnclear(Unchanged):
    """Content rules cannot be understood."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

    def named(self) -> list[str]:
        """As many of the problems as one can look through, and how many more there are."""
        rest = len(self.problems) - _MAX_TOLD
        more = [trn("… and {number} more.", "… and {number} more.", rest)] if rest > 0 else []
        return [*self.problems[:_MAX_TOLD], *more]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of a list."""

    thing: str
    """What is not wanted, as moderators wrote it."""
    reason: str | None = None
    """What the member is told, as moderators wrote it."""
    is_pattern: bool = False


class ContentRules:
    """The rules of a server, ready to be applied."""

    def __init__(self, words: Sequence[tuple[Rule, str]], patterns: Sequence[tuple[Rule, Pattern]]) -> None:
        """`words` come with what they are met by, as `_sought` says."""
        self._words = words
        self._patterns = patterns
        together = "|".join(f"(?:{pattern.text})" for _, pattern in patterns)
        self._any_pattern = Pattern(together) if patterns else None
        self.is_slow = self._any_pattern is not None and self._any_pattern.size > _SLOW_FROM
        """Whether a long text may take so long that others should not wait for it."""

    def takes_long(self, text: str) -> bool:
        """Whether others should not wait for it: a single sign may stand for a whole sentence."""
        return self.is_slow or len(text) > _LONG or len(unicodedata.normalize("NFKD", text)) > _LONG

    def broken_by(self, text: str) -> Rule | None:
        """The first rule that a text breaks."""
        return self._word_in(text) or self._pattern_in(text)

    def _word_in(self, text: str) -> Rule | None:
        if not self._words:
            return None
        readings = set(_readings(text))
        met = (rule for rule, sought in self._words if any(sought in one for one in readings))
        return next(met, None)

    def _pattern_in(self, text: str) -> Rule | None:
        for seen in dict.fromkeys((_visible(text), as_read(text), _in_capitals(text))):
            if self._any_pattern is not None and self._any_pattern.is_in(seen):
                return next((rule for rule, pattern in self._patterns if pattern.is_in(seen)), None)
        return None


@lru_cache(maxsize=_KEPT)
def content_rules(words: str | None, patterns: str | None) -> ContentRules:
    """The rules in two lists as they are kept; a line that this version does not understand is passed over."""
    sought = [(rule, _sought(rule.thing)) for _, rule in _lines(words or "")]
    return ContentRules([one for one in sought if one[1]], list(_compiled(patterns or "")))


def tidied(text: str, *, are_patterns: bool) -> str | None:
    """A list as it is kept; None for one without rules.

    Raises:
        RulesUnclear: with a sentence for each line that is wrong.
    """
    found = islice(_pattern_problems(text), _MAX_NAMED) if are_patterns else _word_problems(text)
    problems = [*_sizes(text), *found]
    if problems:
        raise RulesUnclear(problems)
    kept = (f"{rule.thing} | {rule.reason}" if rule.reason else rule.thing for _, rule in _lines(text))
    return "\n".join(dict.fromkeys(kept)) or None


def count(text: str | None) -> int:
    """How many rules a list has."""
    return sum(1 for _ in _lines(text or ""))


def things(text: str) -> list[str]:
    """What a list is met by, without the reasons."""
    return [rule.thing for _, rule in _lines(text)]


def written(options: Options) -> str:
    """All that somebody wrote in a request."""
    return "\n".join(
        (options.prompt, options.negative_prompt or "", *(shot.prompt for shot in options.shots))
    )


def as_read(text: str) -> str:
    """A text as it reads: lower case without accents, look-alikes as the letters that they look like."""
    apart = unicodedata.normalize("NFKD", _visible(text).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char)).translate(LETTERS)


def _in_capitals(text: str) -> str:
    """The same for who takes its capitals for Latin ones."""
    return as_read(_visible(text).translate(CAPITALS))


def _lines(text: str) -> Iterator[tuple[int, Rule]]:
    """The rules of a list with the numbers of their lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        thing, *reason = line.strip().split(" | ", maxsplit=1)
        if thing:
            yield number, Rule(thing.strip(), reason[0].strip() or None if reason else None)


def _sizes(text: str) -> Iterator[str]:
    if len(text) > MAX_CHARACTERS:
        yield tr("A list has at most {most} characters.", most=MAX_CHARACTERS)
    if count(text) > MAX_RULES:
        yield tr("A list has at most {most} rules.", most=MAX_RULES)
    for number, rule in _lines(text):
        if len(rule.reason or "") > MAX_REASON:
            yield tr("Line {line}: a reason has at most {most} characters.", line=number, most=MAX_REASON)


def _word_problems(text: str) -> Iterator[str]:
    for number, rule in _lines(text):
        if "*" in rule.thing.strip("*"):
            yield tr("Line {line}: `*` stands at the beginning or at the end only.", line=number)
        elif not _sought(rule.thing):
            yield tr("Line {line}: there is no letter, digit or sign in it.", line=number)


def _pattern_problems(text: str) -> Iterator[str]:
    together = 0
    for number, rule in _lines(text):
        try:
            pattern = Pattern(rule.thing)
        except PatternInvalid as fault:
            yield tr("Line {line} is no pattern: {why}.", line=number, why=fault)
            continue
        together += pattern.size
        if pattern.size > _MAX_SIZE:
            yield tr("Line {line}: the pattern is too large; repeat less in it.", line=number)
        elif any(map(pattern.is_empty_in, _PROBES)):
            yield tr("Line {line}: the pattern fits any text; say what has to be in it.", line=number)
        if together > _MAX_SIZE_TOGETHER:
            yield tr("The patterns are too large together; repeat less in them.")
            return


def _compiled(text: str) -> Iterator[tuple[Rule, Pattern]]:
    for _, rule in _lines(text):
        try:
            yield replace(rule, is_pattern=True), Pattern(rule.thing)
        except PatternInvalid:
            continue


def _sought(thing: str) -> str:
    """What a word rule is met by in a text of `_in_words`; empty where there is nothing to look for."""
    words = _in_words(as_read(thing.strip("*")))
    begin, end = thing.startswith("*"), len(words) - thing.endswith("*")
    return words[begin:end] if words.strip() else ""


def _readings(text: str) -> Iterator[str]:
    """A text in words: as it reads, with what was parted in it joined, and with stand-ins as letters."""
    read = as_read(text)
    plain = _in_words(read)
    yield plain
    yield _in_words(_in_capitals(text))
    yield _in_words(" ".join("".join(filter(str.isalnum, word)) for word in read.split()))
    yield _APART.sub(lambda letters: f" {letters[0].replace(' ', '')} ", plain)
    for table in READINGS:
        yield _in_words(" ".join(_spelled(word, table) for word in read.split()))


def _spelled(word: str, table: Mapping[int, str]) -> str:
    """A word with stand-ins as letters; a number stays one."""
    core = word.rstrip("!|+?.,")
    return core.translate(table) + word[len(core) :] if any(map(str.isalpha, core)) else word


def _in_words(read: str) -> str:
    """The words of a text, and each of its signs as a word, with one space before and after each."""
    return f" {' '.join(''.join(map(_parted, read)).split())} "


@lru_cache(maxsize=_CHARACTERS)
def _parted(char: str) -> str:
    if char.isalnum() or unicodedata.category(char) in ("Mc", "Mn"):
        return char
    return f" {char} " if unicodedata.category(char).startswith("S") else " "


def _visible(text: str) -> str:
    """A text in its usual form, without characters that cannot be seen."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if not _is_invisible(char))


@lru_cache(maxsize=_CHARACTERS)
def _is_invisible(char: str) -> bool:
    if char.isspace():
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Me") or bool(_FILLER.match(char))


_FILLER = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: fillers and variation selectors."""
_APART = re.compile(r"(?: [^\W\d_](?= )){3,} ")
"""In a text of `_in_words`."""
