"""Writes the tables of `docs/models.md` anew from the catalogue: `make docs`."""

# ruff: noqa: INP001 - beside the page it writes, and part of no package

from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import groupby
from pathlib import Path

from bot.domain.models import ModelSpec, Parameter
from bot.domain.requests import Quality, Task
from bot.domain.rows import parse

PAGE = Path(__file__).with_suffix(".md")
BEGIN = (
    "<!-- From here to the next comment, `make docs` writes this page from bot/domain/catalogue.toml. -->\n"
)
END = "<!-- The end of what `make docs` writes. -->\n"

_PROVIDERS = {
    "kling": "Kling's own API",
    "kkiai": "kkiai.com",
    "aimlapi": "AI/ML API",
    "onemin": "1min.ai",
    "local": "The local renderer",
}
_FROM = {Task.IMAGE_TO_VIDEO: "picture", Task.TEXT_TO_VIDEO: "text"}
_CALLED: dict[Parameter, str] = {
    "camera": "camera moves",
    "camera_preset": "composed moves",
    "motion": "painted motion",
    "shots": "several shots",
}
_HEAD = (
    "| model | from | seconds | aspect | takes | credits for 5 s |\n| --- | --- | --- | --- | --- | --- |\n"
)
_SHOWN_S = 5


def page(text: str, specs: Iterable[ModelSpec]) -> str:
    """The page `text` with its tables as the rows say; they stand in the order of the rows.

    Raises:
        ValueError: the page has lost the comments between which the tables stand.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has lost the comments between which its tables stand.")
    sections = [_section(provider, list(rows)) for provider, rows in groupby(specs, lambda row: row.provider)]
    return "".join([before, begin, "\n", *sections, end, after])


def _section(provider: str, specs: Sequence[ModelSpec]) -> str:
    notes: dict[str, int] = {}
    rows = "".join(_row(spec, notes) for spec in specs)
    said = "".join(f"{number}. {note}\n" for note, number in notes.items())
    title = f"## {_PROVIDERS.get(provider, provider)} (`{provider}`)\n\n"
    return title + _HEAD + rows + "\n" + (said + "\n" if said else "")


def _row(spec: ModelSpec, notes: dict[str, int]) -> str:
    retired = _note(spec.retired, notes) if spec.retired else ""
    cells = [
        f"{spec.name}{retired} `{spec.id}`",
        ", ".join(_FROM[task] for task in spec.tasks),
        _lengths(spec.durations_s),
        " ".join(spec.aspects) or "the picture's",
        _takes(spec, notes),
        _costs(spec),
    ]
    return f"| {' | '.join(cells)} |\n"


def _takes(spec: ModelSpec, notes: dict[str, int]) -> str:
    taken = [_taken(spec, one, notes) for one in spec.parameters if one != "prompt"]
    doubted = [_note(spec.cautions["prompt"], notes)] if "prompt" in spec.cautions else []
    needed = [f"**needs a {_called(one)}**" for one in spec.required]
    alone = [f"only one of {' / '.join(map(_called, group))}" for group in spec.exclusive]
    return "; ".join([", ".join([*needed, *taken]), *alone]) + "".join(doubted)


def _taken(spec: ModelSpec, one: Parameter, notes: dict[str, int]) -> str:
    places = [place.replace("/", " ") + " s" * ("/" in place) for place in spec.only.get(one, ())]
    where = f" ({', '.join(places)})" if places else ""
    return _called(one) + where + (_note(spec.cautions[one], notes) if one in spec.cautions else "")


def _called(one: Parameter) -> str:
    return _CALLED.get(one, one.replace("_", " "))


def _note(said: str, notes: dict[str, int]) -> str:
    return f"<sup>{notes.setdefault(said, len(notes) + 1)}</sup>"


def _lengths(durations_s: Sequence[int]) -> str:
    least, most = durations_s[0], durations_s[-1]
    is_run = len(durations_s) > 2 and list(durations_s) == list(range(least, most + 1))  # noqa: PLR2004
    return f"{least} to {most}" if is_run else ", ".join(map(str, durations_s))


def _costs(spec: ModelSpec) -> str:
    about = "≈ " if spec.price.estimated else ""
    return about + ", ".join(_cost(spec, quality) for quality in spec.qualities)


def _cost(spec: ModelSpec, quality: Quality) -> str:
    """What a clip of 5 s costs in that quality, and with extras where these cost more there."""

    def credits_(*, sound: bool, voices: bool) -> int | None:
        length_s = _SHOWN_S if _SHOWN_S in spec.durations_s else spec.durations_s[0]
        return spec.price.credits(quality, length_s, sound=sound, voices=voices)

    plain, sound, voices = (
        credits_(sound=False, voices=False),
        credits_(sound=True, voices=False),
        credits_(sound=True, voices=True),
    )
    extras = [f"sound {sound}"] if sound != plain else []
    extras += [f"voices {voices}"] if voices != sound else []
    return f"{quality} {plain}" + (f" ({', '.join(extras)})" if extras else "")


def main() -> None:
    """Write the page."""
    shipped = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page(text, parse(shipped, source="catalogue.toml")), encoding="utf-8")


if __name__ == "__main__":
    main()
