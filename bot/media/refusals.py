"""Refusals on their way from the process that met them: their facts travel, their words are made where they are told."""

from collections.abc import Mapping
from typing import Any, cast

from bot.media.errors import (
    CannotFit,
    Fit,
    MaskEmpty,
    MaskMisfit,
    MediaError,
    NotAPicture,
    NotAVideo,
    OddShape,
    PictureTooBig,
    TooManyPixels,
    TooSmall,
    Unreadable,
)

_KINDS: Mapping[str, type[MediaError]] = {
    kind.__name__: kind
    for kind in (
        NotAPicture,
        Unreadable,
        PictureTooBig,
        TooManyPixels,
        TooSmall,
        OddShape,
        MaskMisfit,
        MaskEmpty,
        NotAVideo,
        CannotFit,
    )
}


def told(refusal: MediaError) -> dict[str, object]:
    """What `retold` makes the same refusal of; plain enough for JSON."""
    return {"name": type(refusal).__name__, "facts": vars(refusal)}


def retold(said: Mapping[str, Any]) -> MediaError:
    """The refusal that was told, in the language that is spoken here.

    Raises:
        LookupError, TypeError, ValueError: there is none like this.
    """
    facts = dict[str, object](said["facts"])
    return _KINDS[said["name"]](**{name: _plain(value) for name, value in facts.items()})


def _plain(value: object) -> object:
    """Numbers, ways to make a picture fit, and several of these; nothing that could bring words along."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return tuple(map(_plain, cast("list[object]", value)))
    return Fit(value)
