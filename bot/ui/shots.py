"""The shots of a storyboard as people write them: a line each, `seconds | what happens`."""

import re

from bot.domain.errors import Refused
from bot.domain.requests import Shot
from bot.language import tr
from bot.services.generation import MAX_DURATION_S
from bot.ui.text import inline

MAX_SHOTS = 6
MAX_SHOT_CHARACTERS = 512
"""Both: Kling API, image to video, `multi_prompt`."""

_LINE = re.compile(r"\s*([0-9]{1,3})\s*(?:s|sec|seconds)?\s*\|\s*(.*?)\s*", re.IGNORECASE)
_SHOWN = 40


class ShotsUnclear(Refused):
    """The lines of a storyboard cannot be made sense of; the text names the line."""


def shots_of(text: str) -> tuple[Shot, ...]:
    """Read shots, a line each: `seconds | what happens`. Empty lines are passed over.

    Raises:
        ShotsUnclear: naming the line that is wrong.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ShotsUnclear(tr("Write at least one line, such as `3 | The boat leaves the harbour`."))
    if len(lines) > MAX_SHOTS:
        raise ShotsUnclear(
            tr("Line {line} is one too many: a storyboard has at most six shots.", line=lines[MAX_SHOTS][0])
        )
    shots = tuple(_shot(number, line) for number, line in lines)
    total_s = sum(shot.duration_s for shot in shots)
    if total_s > MAX_DURATION_S:
        raise ShotsUnclear(
            tr(
                "The shots last {seconds} seconds together, and no clip is longer than {most}.",
                seconds=total_s,
                most=MAX_DURATION_S,
            )
        )
    return shots


def _shot(number: int, line: str) -> Shot:
    found = _LINE.fullmatch(line)
    if found is None:
        shown = inline(line, length=_SHOWN)
        raise ShotsUnclear(
            tr(
                "Line {line} cannot be read: {shown}. Write the seconds, then | and what happens, "
                "such as `3 | The boat leaves the harbour`.",
                line=number,
                shown=shown,
            )
        )
    duration_s, prompt = int(found[1]), found[2]
    if not 1 <= duration_s <= MAX_DURATION_S:
        raise ShotsUnclear(
            tr(
                "Line {line}: a shot lasts 1 to {most} seconds, not {seconds}.",
                line=number,
                most=MAX_DURATION_S,
                seconds=duration_s,
            )
        )
    if not prompt:
        raise ShotsUnclear(tr("Line {line}: say after the | what happens.", line=number))
    if len(prompt) > MAX_SHOT_CHARACTERS:
        raise ShotsUnclear(
            tr(
                "Line {line} has {count} characters after the |, and {most} are the most.",
                line=number,
                count=len(prompt),
                most=MAX_SHOT_CHARACTERS,
            )
        )
    return Shot(prompt=prompt, duration_s=duration_s)
