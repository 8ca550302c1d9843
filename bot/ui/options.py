"""The options that every request has in common: declared once, handed to commands as one value."""

# ruff: noqa: UP045 - what Range gives cannot be joined with | for the type checker

import functools
import inspect
from collections.abc import Callable, Container, Coroutine, Mapping
from typing import Any, Optional, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.domain.requests import Aspect, CameraMove, CameraPreset, Options, Quality, camera_control
from bot.ui import suggestions

_T = TypeVar("_T")

Prompt = Range[str, 1, 2500]

_SIZES = {Quality.STD: "720p", Quality.PRO: "1080p", Quality.UHD: "2160p"}
_QUALITIES = [Choice(name=f"{quality} ({size})", value=quality.value) for quality, size in _SIZES.items()]
_ASPECTS = [Choice(name=aspect, value=aspect.value) for aspect in Aspect]
_CAMERAS = [Choice(name=move.replace("_", " "), value=move.value) for move in (*CameraMove, *CameraPreset)]
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
            await callback(cog, interaction, wanted=_wanted(**common), **given)

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


def _wanted(
    *,
    prompt: str | None = None,
    duration: int | None = None,
    quality: str | None = None,
    aspect: str | None = None,
    negative: str | None = None,
    camera: str | None = None,
    camera_amount: float | None = None,
    voices: str | None = None,
    **same: Any,
) -> Options:
    """The options as a value; raises `pydantic.ValidationError` where they contradict each other."""
    return Options.model_validate(
        {
            **same,
            "prompt": (prompt or "").strip(),
            "negative_prompt": negative,
            "duration_s": duration or 5,
            "quality": quality or None,
            "aspect": aspect or None,
            "camera": camera_control(camera, camera_amount),
            "voices": tuple(filter(None, (voice.strip() for voice in (voices or "").split(",")))),
        }
    )
