"""The options that every request has in common: declared once, handed to commands as one value."""

# ruff: noqa: UP045 - what Range gives cannot be joined with | for the type checker

import functools
import inspect
import re
from collections.abc import Callable, Container, Coroutine, Iterable, Mapping
from typing import Any, Optional, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.domain.models import ModelSpec
from bot.domain.requests import Aspect, Options, Quality, camera_control
from bot.ui import suggestions
from bot.ui.cards import MOVES

_T = TypeVar("_T")

Prompt = Range[str, 1, 2500]

SIZES: Mapping[Quality, str] = {Quality.STD: "720p", Quality.PRO: "1080p", Quality.UHD: "2160p"}
_QUALITIES = [Choice(name=f"{quality} ({size})", value=quality.value) for quality, size in SIZES.items()]
_ASPECTS = [Choice(name=aspect, value=aspect.value) for aspect in Aspect]
_CAMERAS = [Choice(name=words, value=move.value) for move, words in MOVES.items()]
_CHOICES = {"quality": _QUALITIES, "aspect": _ASPECTS, "camera": _CAMERAS}
_SUGGESTED: dict[str, Callable[..., Any]] = {
    "model": suggestions.models,
    "provider": suggestions.providers,
    "duration": suggestions.durations,
}

_SHARED: dict[str, tuple[Any, object, str]] = {
    "model": (str | None, None, "Which model makes it; leave empty for the usual one"),
    "duration": (Optional[Range[int, 1, 60]], None, "Length in seconds"),
    "quality": (str | None, None, "How fine the picture is"),
    "aspect": (str | None, None, "The shape of the clip; leave empty to follow the picture"),
    "negative": (Optional[Prompt], None, "What should not be seen"),
    "guidance": (Optional[Range[float, 0, 1]], None, "How closely to follow the prompt, 0 to 1"),
    "camera": (str | None, None, "How the camera moves"),
    "camera_amount": (
        Optional[Range[float, -10, 10]],
        None,
        "How far it moves, -10 to 10; not for composed moves",
    ),
    "sound": (bool, False, "With sound"),
    "voices": (str | None, None, "Up to two voice ids, separated by commas"),
    "provider": (str | None, None, "Who makes it"),
    "watermark": (bool, False, "With the maker's mark"),
    "draft": (bool, False, "A free draft, made on the bot's own machine"),
    "spoiler": (bool, False, "Hide the clip until it is clicked"),
}
"""Name: type, default, description."""


Command = Callable[..., Coroutine[Any, Any, None]]


def shared(*names: str, prompt_required: bool | None) -> Callable[[Command], Command]:
    """Give a command shared options beside its own; it receives them as `wanted: Options`.

    Args:
        names: Which of them; all if none is named.
        prompt_required: None for a command that has no prompt.
    """
    options = {name: _SHARED[name] for name in names or _SHARED}
    taken = (*(["prompt"] if prompt_required is not None else []), *options)

    def decorate(callback: Command) -> Command:
        @functools.wraps(callback)
        async def command(cog: Any, interaction: discord.Interaction[Any], **given: Any) -> None:
            common = {name: given.pop(name) for name in taken}
            await callback(cog, interaction, wanted=wanted(**common), **given)

        command.__dict__["__signature__"] = _with_shared(
            inspect.signature(callback), options, prompt_required
        )
        described = app_commands.describe(**{name: text for name, (*_, text) in options.items()})(command)
        chosen = app_commands.choices(**_among(options, _CHOICES))(described)
        return app_commands.autocomplete(**_among(options, _SUGGESTED))(chosen)

    return decorate


def _with_shared(
    own: inspect.Signature,
    options: dict[str, tuple[Any, object, str]],
    prompt_required: bool | None,  # noqa: FBT001 - private
) -> inspect.Signature:
    """What discord.py reads instead: the command's own parameters with `wanted` taken apart."""
    by_keyword = inspect.Parameter.KEYWORD_ONLY
    required = [one.replace(kind=by_keyword) for one in own.parameters.values() if one.default is one.empty]
    optional = [
        one.replace(kind=by_keyword) for one in own.parameters.values() if one.default is not one.empty
    ]
    cog, interaction, *needed = [one for one in required if one.name != "wanted"]
    common = [
        inspect.Parameter(name, by_keyword, default=default, annotation=annotation)
        for name, (annotation, default, _) in options.items()
    ]
    first = [one.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in (cog, interaction)]
    return inspect.Signature([*first, *needed, *_prompt(prompt_required), *optional, *common])


def _among(options: Container[str], known: Mapping[str, _T]) -> dict[str, _T]:
    return {name: value for name, value in known.items() if name in options}


def _prompt(required: bool | None) -> list[inspect.Parameter]:  # noqa: FBT001 - private
    by_keyword = inspect.Parameter.KEYWORD_ONLY
    if required is None:
        return []
    if required:
        return [inspect.Parameter("prompt", by_keyword, annotation=Prompt)]
    return [inspect.Parameter("prompt", by_keyword, annotation=Optional[Prompt], default=None)]


def wanted(base: Options | None = None, **given: Any) -> Options:
    """What was chosen, by the names of the options of commands, as a value; the rest is as in `base`.

    Raises:
        pydantic.ValidationError: they contradict each other, or are not what they can be.
    """
    chosen = {name: value for name, value in given.items() if value is not None and value != ""}
    fields: dict[str, Any] = {_FIELDS.get(name, name): value for name, value in chosen.items()}
    fields |= {name: read(fields[name]) for name, read in _READERS.items() if name in fields}
    move, amount = chosen.get("camera"), fields.pop("camera_amount", None)
    if move is not None or amount is not None:
        fields["camera"] = camera_control(move, amount)
    return Options.model_validate({**dict(base or Options()), **fields})


def model_meant(models: Iterable[ModelSpec], typed: str) -> str:
    """The id of the model that is meant by the end of its id or name, as in `v2.1`.

    The first, where several are called the same; what was typed, where it is not clear.
    """
    specs = list(models)
    ending = _bare(typed)
    if not ending or any(spec.id == typed for spec in specs):
        return typed
    meant = [spec for spec in specs if _is_ending(ending, spec)]
    return meant[0].id if len({spec.name for spec in meant}) == 1 else typed


def _is_ending(ending: str, spec: ModelSpec) -> bool:
    return any(_bare(name).endswith(ending) for name in (spec.id, spec.name))


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _voices(typed: str) -> tuple[str, ...]:
    return tuple(filter(None, (voice.strip() for voice in typed.split(","))))


_FIELDS = {"negative": "negative_prompt", "duration": "duration_s"}
_READERS: Mapping[str, Callable[[str], object]] = {"prompt": str.strip, "voices": _voices}
