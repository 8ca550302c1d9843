"""The geometry of making a picture acceptable: plain arithmetic, no pixels."""

import math
from dataclasses import dataclass
from typing import Self

from bot.media.errors import Fit, OddShape, PictureRefused, TooSmall


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What providers take, and what may be decoded to make it.

    Kling documents "≤ 10 MB" without saying which megabyte, so the smaller one is kept. What comes
    in may be larger, because most large pictures fit once they are scaled and encoded again.
    """

    max_input_bytes: int = 25_000_000
    max_pixels: int = 50_000_000
    max_bytes: int = 10_000_000
    min_side_px: int = 300
    max_side_px: int = 4096
    max_ratio: float = 2.5
    max_enlargement: float = 4


DEFAULT = Limits()


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def short_px(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)

    @property
    def long_px(self) -> int:
        """The longer side."""
        return max(self.width, self.height)

    def is_odd(self, limits: Limits) -> bool:
        """Whether it is longer and thinner than providers take."""
        return self.long_px > self.short_px * limits.max_ratio

    def has_shape_of(self, other: "Size") -> bool:
        """Whether its width to height is that of another size, give or take a hundredth (or a pixel)."""
        width = self.height * other.width / other.height
        return abs(self.width - width) <= max(1.0, width / 100)

    def padded(self, limits: Limits) -> Self:
        """The smallest acceptable shape around this one."""
        least = math.ceil(self.long_px / limits.max_ratio)
        return type(self)(max(self.width, least), max(self.height, least))

    def cropped(self, limits: Limits) -> Self:
        """The largest acceptable shape within this one."""
        most = math.floor(self.short_px * limits.max_ratio)
        return type(self)(min(self.width, most), min(self.height, most))

    def scaled(self, factor: float) -> Self:
        """This size times a factor, never below one pixel."""
        return type(self)(max(1, round(self.width * factor)), max(1, round(self.height * factor)))


@dataclass(frozen=True)
class Plan:
    """What to do with the pixels: crop or pad to `shape`, then scale to `target`."""

    source: Size
    shape: Size
    target: Size

    @property
    def pads(self) -> bool:
        """Whether a background is to be added."""
        return self.shape.width > self.source.width or self.shape.height > self.source.height

    @property
    def changes(self) -> bool:
        """Whether a pixel changes at all."""
        return self.source != self.shape or self.shape != self.target


def plan(source: Size, fit: Fit, limits: Limits) -> Plan:
    """How a picture becomes acceptable under `fit`.

    Raises:
        TooSmall, OddShape: when it does not; with the other remedies that would do.
    """
    if result := _plan(source, fit, limits):
        return result
    raise _refusal(source, limits)


def _plan(source: Size, fit: Fit, limits: Limits) -> Plan | None:
    shape = _shape(source, fit, limits)
    if shape is None:
        return None
    enlargement = limits.min_side_px / shape.short_px
    if enlargement > (1 if fit is Fit.REFUSE else limits.max_enlargement):
        return None
    return Plan(source, shape, _target(shape, limits))


def _shape(source: Size, fit: Fit, limits: Limits) -> Size | None:
    if not source.is_odd(limits):
        return source
    if fit is Fit.PAD:
        return source.padded(limits)
    if fit is Fit.CROP:
        return source.cropped(limits)
    return None


def _target(shape: Size, limits: Limits) -> Size:
    factor = min(max(1.0, limits.min_side_px / shape.short_px), limits.max_side_px / shape.long_px)
    if factor == 1:
        return shape
    scaled = shape.scaled(factor)
    least = math.ceil(scaled.long_px / limits.max_ratio)  # rounding must not make it odd again
    return Size(max(scaled.width, least), max(scaled.height, least))


def _refusal(source: Size, limits: Limits) -> PictureRefused:
    if source.is_odd(limits):
        remedies = tuple(fit for fit in (Fit.PAD, Fit.CROP) if _plan(source, fit, limits))
        return OddShape(
            width=source.width, height=source.height, max_ratio=limits.max_ratio, remedies=remedies
        )
    remedies = (Fit.ENLARGE,) if _plan(source, Fit.ENLARGE, limits) else ()
    return TooSmall(
        width=source.width, height=source.height, min_side_px=limits.min_side_px, remedies=remedies
    )
