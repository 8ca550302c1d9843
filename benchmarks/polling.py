"""How often a clip is asked about and how late it is noticed: the learnt plan against a fixed loop.

Nothing is timed here: clips are drawn from distributions with a seed, and the plan runs as it does in the bot. Each
installation begins without any past and learns only from what its own polls noticed. The loop sleeps 10 s
between polls, as samples do (docs.aimlapi.com, Kling v2.1 master: "polls the server every 10 seconds"). Both
ask once when the task has been accepted, and wait for each answer.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import TypeAlias

from benchmarks.table import Table
from bot.domain.polling import DEADLINE_S, Forecast, next_ask_s

NAME = "polling"
SEEDS, CLIPS, LEARNING = 3, 1500, 50
KEPT = 200
"""Past renders, as `bot.db.history` keeps them."""
PACE_S = 10.0
TAIL = 0.03
AIM = 0.5

Draw: TypeAlias = Callable[[random.Random, int], float]
"""Seconds until the clip of that number is finished."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What became of one clip."""

    polls: int
    delay_s: float


def _normal(low_s: float, high_s: float) -> Draw:
    """Log-normal; nineteen of twenty lie between."""
    centre = (math.log(low_s) + math.log(high_s)) / 2
    width = (math.log(high_s) - math.log(low_s)) / 4
    return lambda chance, _: chance.lognormvariate(centre, width)


def _even(low_s: float, high_s: float) -> Draw:
    return lambda chance, _: chance.uniform(low_s, high_s)


def _skewed(low_s: float, high_s: float) -> Draw:
    """Gamma from `low_s`, with its mean in the middle: a steep front, a long back."""
    return lambda chance, _: low_s + chance.gammavariate(3, (high_s - low_s) / 6)


def _tailed(core: Draw) -> Draw:
    """A few take 20 to 65 minutes instead (Comfy-Org/ComfyUI#8860)."""
    return lambda chance, number: (
        chance.uniform(1200, 3900) if chance.random() < TAIL else core(chance, number)
    )


def _either(one: Draw, share: float, other: Draw) -> Draw:
    return lambda chance, number: (one if chance.random() < share else other)(chance, number)


def _changing(core: Draw, factor: Callable[[int], float]) -> Draw:
    return lambda chance, number: core(chance, number) * factor(number)


def _suddenly(factor: float) -> Callable[[int], float]:
    return lambda number: factor if number >= CLIPS // 2 else 1.0


# docs.aimlapi.com on Kling: v2.1 pro of 5 s, of 10 s, and how long the samples of v2.6 pro took.
_SHORT, _LONG, _FAST = (180, 240), (360, 480), (110, 152)

LEARNT: dict[str, Draw] = {
    "3-4 min, log-normal": _tailed(_normal(*_SHORT)),
    "3-4 min, even": _tailed(_even(*_SHORT)),
    "3-4 min, skewed": _tailed(_skewed(*_SHORT)),
    "3-4 min, even, no tail": _even(*_SHORT),
    "6-8 min, log-normal": _tailed(_normal(*_LONG)),
    "6-8 min, even": _tailed(_even(*_LONG)),
    "6-8 min, even, no tail": _even(*_LONG),
    "1:50-2:32, log-normal": _tailed(_normal(*_FAST)),
    "1:50-2:32, even": _tailed(_even(*_FAST)),
    "1:50-2:32, even, no tail": _even(*_FAST),
    "two kinds: 1:00-1:20, 3:40-4:50": _tailed(_either(_even(60, 80), 0.4, _even(220, 290))),
    "3-4 min, 1 % after 20 s": _tailed(_either(_even(20, 21), 0.01, _even(*_SHORT))),
    "3-4 min, then twice as fast": _changing(_even(*_SHORT), _suddenly(0.5)),
    "3-4 min, then 1.6 times slower": _changing(_even(*_SHORT), _suddenly(1.6)),
    "3-4 min, swinging by 40 %": _changing(_even(*_SHORT), lambda number: 1 + 0.4 * math.sin(number / 300)),
}
COLD: dict[str, tuple[Draw, int]] = {
    "3-4 min, its first 5 clips": (_tailed(_even(*_SHORT)), 5),
    "3-4 min, its first 50 clips": (_tailed(_even(*_SHORT)), 50),
    "6-8 min, its first 50 clips": (_tailed(_even(*_LONG)), 50),
}

_NOTES = (
    f"The aim is at most {AIM} of both. Unless a row says otherwise, {TAIL:.0%} of the clips take 20 to 65 minutes.",
    f"{SEEDS} installations a row, {CLIPS} clips each without the first {LEARNING}; with --quick, 150 each.",
    "Changes come halfway. A round trip takes 0.1 to 0.6 s.",
    "1 % wait: one clip in a hundred is noticed later than that with the learnt plan.",
    "Failures are not among these clips: the loop notices one within 10 s, the learnt plan at its first poll.",
)


def run(*, quick: bool) -> Table:
    """Replay every distribution."""
    clips = CLIPS // 10 if quick else CLIPS
    rows = [_row(name, *_replays(draw, range(LEARNING, clips), seeds=SEEDS)) for name, draw in LEARNT.items()]
    rows += [
        _row(name, *_replays(draw, range(first), seeds=max(1, (clips if quick else CLIPS) // first)))
        for name, (draw, first) in COLD.items()
    ]
    return Table(
        title="Polls per clip, and seconds until a finished clip is noticed",
        columns=("", "polls: loop", "learnt", "ratio", "delay: loop", "learnt", "ratio", "1 % wait", "aim"),
        rows=tuple(rows),
        notes=_NOTES,
    )


def _replays(draw: Draw, counted: range, *, seeds: int) -> tuple[list[Clip], list[Clip]]:
    """The clips whose numbers are `counted`, of several installations: with the loop, and as learnt."""
    loop: list[Clip] = []
    learnt: list[Clip] = []
    for seed in range(seeds):
        chance, past = random.Random(seed), deque[float](maxlen=KEPT)
        for number in range(counted.stop):
            finished_s = draw(chance, number)
            forecast = Forecast.of(past)
            clip = _replay(finished_s, chance, lambda elapsed_s, known=forecast: next_ask_s(elapsed_s, known))
            past.append(finished_s + clip.delay_s)
            if number in counted:
                learnt.append(clip)
                loop.append(_replay(finished_s, chance, lambda _: PACE_S))
    return loop, learnt


def _replay(finished_s: float, chance: random.Random, pause_s: Callable[[float], float]) -> Clip:
    elapsed_s, polls = chance.uniform(1, 4), 1
    while elapsed_s < finished_s:
        assert elapsed_s < DEADLINE_S
        elapsed_s += pause_s(elapsed_s) + chance.uniform(0.1, 0.6)
        polls += 1
    return Clip(polls, elapsed_s - finished_s)


def _row(name: str, loop: list[Clip], learnt: list[Clip]) -> tuple[str, ...]:
    polls, fewer = (fmean(clip.polls for clip in clips) for clips in (loop, learnt))
    delay_s, sooner_s = (fmean(clip.delay_s for clip in clips) for clips in (loop, learnt))
    latest_s = quantiles((clip.delay_s for clip in learnt), n=100)[-1]
    is_met = fewer <= AIM * polls and sooner_s <= AIM * delay_s
    return (
        name,
        *(f"{polls:.1f}", f"{fewer:.1f}", f"{fewer / polls:.2f}"),
        *(f"{delay_s:.2f}", f"{sooner_s:.2f}", f"{sooner_s / delay_s:.2f}"),
        f"{latest_s:.0f} s",
        "met" if is_met else "not met",
    )
