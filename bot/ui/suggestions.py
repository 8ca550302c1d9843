"""What is suggested while a command is being typed: what can make the request so far, and for how much."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import discord
from discord.app_commands import Choice
from pydantic import ValidationError

from bot.domain.catalogue import USUAL, Catalogue, Routing
from bot.domain.catalogue import Choice as Fit
from bot.domain.models import ModelSpec, fits
from bot.domain.requests import (
    CameraControl,
    MotionBrush,
    Options,
    Picture,
    Point,
    Shot,
    Stroke,
    VideoRequest,
    camera_control,
)
from bot.language import tr
from bot.ui.text import counted, cut

MAX_CHOICES = 25
"""Discord's limit."""
_MAX_LABEL = 100

_ANYTHING = "…"
_PICTURE = Picture(blob="0" * 64, media_type="image/png", width=640, height=640)
_PAINTED = MotionBrush(moving=(Stroke(mask=_PICTURE, path=(Point(x=0, y=0), Point(x=1, y=1))),))
_AS_TYPED = {
    "provider": "provider",
    "model": "model",
    "duration": "duration_s",
    "quality": "quality",
    "aspect": "aspect",
    "guidance": "guidance",
    "sound": "sound",
    "watermark": "watermark",
    "draft": "draft",
}


async def models(interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Models for the request so far."""
    services = interaction.client.services
    routing = await services.routes.wishes(interaction.guild_id)
    return model_choices(services.catalogue, str(typed), _asked(interaction, but="model"), routing)


async def providers(interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Providers for the request so far."""
    services = interaction.client.services
    routing = await services.routes.wishes(interaction.guild_id)
    return provider_choices(services.catalogue, str(typed), _asked(interaction, but="provider"), routing)


async def durations(interaction: discord.Interaction[Any], typed: str | int) -> list[Choice[int]]:
    """Lengths that the request so far can have."""
    services = interaction.client.services
    routing = await services.routes.wishes(interaction.guild_id)
    return duration_choices(services.catalogue, str(typed), _asked(interaction, but="duration"), routing)


def model_choices(
    catalogue: Catalogue, typed: str, request: VideoRequest, routing: Routing = USUAL
) -> list[Choice[str]]:
    """Models that can make `request` and whose name contains what was typed, each with its price for it.

    Where none can, the one choice says why the nearest cannot; to choose it is to be told so at length.
    """
    found = [fit for fit in catalogue.fitting(request, routing) if _is_meant(typed, fit.spec)]
    by_id = {fit.spec.id: fit for fit in reversed(found)}  # the first of an id is the one that would be taken
    named = [fit for fit in found if by_id[fit.spec.id] is fit]
    if not named:
        return _why_not(catalogue, typed, request)
    return [Choice(name=_label(fit, request), value=fit.spec.id) for fit in named[:MAX_CHOICES]]


def provider_choices(
    catalogue: Catalogue, typed: str, request: VideoRequest, routing: Routing = USUAL
) -> list[Choice[str]]:
    """Providers that can make `request` and whose name contains what was typed, each with the model it would use."""
    fitting = catalogue.fitting(request, routing)
    usual = {fit.spec.provider: fit for fit in reversed(fitting)}
    ordered = dict.fromkeys(fit.spec.provider for fit in fitting)
    return [
        Choice(name=cut(f"{name} · {usual[name].spec.title} · {_cost(usual[name])}", _MAX_LABEL), value=name)
        for name in ordered
        if typed.lower() in name.lower()
    ][:MAX_CHOICES]


def duration_choices(
    catalogue: Catalogue, typed: str, request: VideoRequest, routing: Routing = USUAL
) -> list[Choice[int]]:
    """Lengths in seconds that `request` could have and that begin as typed, each with its price."""
    lengths = catalogue.lengths_s
    begun = (length_s for length_s in lengths if str(length_s).startswith(typed.strip()))
    usual = ((length_s, catalogue.best(_lasting(request, length_s), routing)) for length_s in begun)
    return [
        Choice(name=cut(f"{length_s} s · {best.spec.title} · {_cost(best)}", _MAX_LABEL), value=length_s)
        for length_s, best in usual
        if best
    ][:MAX_CHOICES]


def so_far(given: Mapping[str, object], parameters: Collection[str]) -> VideoRequest:
    """The request as far as it has been typed into a command of these parameters.

    What makes no sense yet is left out, and what the command will certainly ask for stands in: the prompt (a
    model that needs one is still offered before it is written), the picture, a mask, the shots.
    """
    known = {field: value for name, field in _AS_TYPED.items() for value in _sensible(field, given.get(name))}
    voices = _is_text(given.get("voices"))
    length_s = known.get("duration_s", 5)
    has_shots = bool(parameters) and "prompt" not in parameters
    return VideoRequest.model_validate(
        {
            **known,
            "prompt": _ANYTHING,
            "negative_prompt": _ANYTHING if _is_text(given.get("negative")) else None,
            "camera": _camera(given.get("camera"), given.get("camera_amount")),
            "sound": known.get("sound", False) or voices,
            "voices": (_ANYTHING,) if voices else (),
            "shots": (Shot(prompt=_ANYTHING, duration_s=length_s),) if has_shots else (),
            "image": _PICTURE if "image" in parameters else None,
            "end_frame": _PICTURE if "image" in parameters and given.get("end_frame") else None,
            "motion": _PAINTED if "mask1" in parameters else None,
        }
    )


def _asked(interaction: discord.Interaction[Any], *, but: str) -> VideoRequest:
    given = {name: value for name, value in interaction.namespace if name != but}
    command = interaction.command
    has_parameters = isinstance(command, discord.app_commands.Command)
    return so_far(given, [one.name for one in command.parameters] if has_parameters else list(given))


def _sensible(field: str, value: object) -> Iterable[Any]:
    """The value as the request takes it; nothing where it takes no such value."""
    try:
        yield from () if value is None else [getattr(Options.model_validate({field: value}), field)]
    except ValidationError:
        return


def _camera(move: object, amount: object) -> CameraControl | None:
    if not isinstance(move, str):
        return None
    for tried in (amount, None):
        try:
            return camera_control(move, tried)  # pyright: ignore[reportArgumentType] - it validates
        except ValidationError:
            continue
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip(" ,"))


def _lasting(request: VideoRequest, length_s: int) -> VideoRequest:
    return request.model_copy(update={"duration_s": length_s})


def _is_meant(typed: str, spec: ModelSpec) -> bool:
    return typed.strip().lower() in f"{spec.name} {spec.id} {spec.provider}".lower()


def _why_not(catalogue: Catalogue, typed: str, request: VideoRequest) -> list[Choice[str]]:
    meant = [
        (problems, spec)
        for spec in catalogue.specs
        if _is_meant(typed, spec) and request.provider in (None, spec.provider) and request.task in spec.tasks
        if (problems := fits(request, spec))
    ]
    if not meant or request.draft:
        return []
    problems, nearest = min(meant, key=lambda one: len(one[0]))
    return [Choice(name=cut(f"✗ {problems[0]}", _MAX_LABEL), value=nearest.id)]


def _label(fit: Fit, request: VideoRequest) -> str:
    spec = fit.spec
    clip = f"{spec.provider}, {fit.quality or spec.quality_of(request)}, {request.duration_s} s"
    end = f" · {_cost(fit)} ({clip}){' ⚠' if fit.cautions else ''}"
    name = f"★ {spec.title}" if fit.is_preferred else spec.title
    return cut(cut(name, _MAX_LABEL - len(end)) + end, _MAX_LABEL)


def _cost(fit: Fit) -> str:
    if not fit.price:
        return tr("free")
    return f"{'≈ ' if fit.spec.price.estimated else ''}{counted(fit.price, 'credit')}"
