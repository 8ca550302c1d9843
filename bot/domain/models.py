"""What one model accepts and costs, and whether a request fits.

Only what is certainly refused upstream is refused here; what is merely doubted is said as a caution.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bot.domain.requests import Aspect, CameraMove, Quality, Task, Value, VideoRequest
from bot.language import marked, tr

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
_QUALITY = "(?:std|pro|4k)"
_EXTRAS = r"(?:\+sound(?:\+voices)?)?"


def _shaped(pattern: str, example: str) -> AfterValidator:
    def is_shaped(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value} is not understood; write it like {example}.")
        return value

    return AfterValidator(is_shaped)


Second = Annotated[str, _shaped(_QUALITY + _EXTRAS, "pro or pro+sound")]
Clip = Annotated[str, _shaped(f"{_QUALITY}/[1-9][0-9]?{_EXTRAS}", "pro/5 or pro/5+sound")]
Place = Annotated[str, _shaped(f"{_QUALITY}(?:/[1-9][0-9]?)?", "pro or pro/5")]
Name = Annotated[str, Field(max_length=100), _shaped("[A-Za-z0-9._:/-]+", "kling-v3")]
Length = Annotated[int, Field(ge=1, le=60)]
Points = Annotated[int, Field(ge=1, le=77)]
Parameter = Literal[
    "prompt",
    "negative_prompt",
    "end_frame",
    "guidance",
    "camera",
    "camera_preset",
    "motion",
    "sound",
    "voices",
    "shots",
    "watermark",
]

_WORDS: dict[Parameter, str] = {
    "prompt": marked("a prompt"),
    "negative_prompt": marked("a negative prompt"),
    "end_frame": marked("an end frame"),
    "guidance": marked("guidance"),
    "camera": marked("camera moves with an amount"),
    "camera_preset": marked("composed camera moves"),
    "motion": marked("painted motion"),
    "sound": marked("sound"),
    "voices": marked("voices"),
    "shots": marked("several shots"),
    "watermark": marked("a watermark"),
}
_TASKS = {
    Task.IMAGE_TO_VIDEO: marked("image to video"),
    Task.TEXT_TO_VIDEO: marked("text to video"),
}


class Price(Value):
    """What a model's clips cost, in `unit_credits`: credits for one of the provider's own units.

    Keys are a quality for seconds (`pro`) and a quality and length for clips (`pro/5`), each with `+sound` or
    `+sound+voices` where these cost more; the most specific one counts.
    """

    per_second: dict[Second, Amount] = Field(default={})
    per_clip: dict[Clip, Amount] = Field(default={})
    unit_credits: Amount = Decimal(1)
    estimated: bool = False
    """The provider publishes no price: this one was inferred, and is on the safe side."""

    def credits(self, quality: Quality, duration_s: int, *, sound: bool, voices: bool) -> int | None:
        """Credits for a clip, rounded up; None when there is no price for it."""
        extras = ["+sound+voices", "+sound", ""] if voices else ["+sound", ""] if sound else [""]
        for extra in extras:
            if (clip := self.per_clip.get(f"{quality}/{duration_s}{extra}")) is not None:
                return math.ceil(clip * self.unit_credits)
            if (second := self.per_second.get(f"{quality}{extra}")) is not None:
                return math.ceil(second * duration_s * self.unit_credits)
        return None


class ModelSpec(Value):
    """One model of one provider, for one task or several that take the same parameters."""

    provider: Name
    id: Name
    name: str = Field(min_length=1, max_length=60)
    tasks: tuple[Task, ...] = Field(min_length=1)
    qualities: tuple[Quality, ...] = Field(min_length=1)
    """The first is meant when nobody says."""
    durations_s: tuple[Length, ...] = Field(min_length=1)
    aspects: tuple[Aspect, ...] = ()
    """Empty where the clip follows the picture."""
    parameters: tuple[Parameter, ...] = ()
    required: tuple[Parameter, ...] = ()
    only: dict[Parameter, tuple[Place, ...]] = Field(default={})
    """Where a parameter works at all: qualities and lengths such as `pro/5` or `pro`."""
    exclusive: tuple[tuple[Parameter, ...], ...] = ()
    """Sets of which at most one may be used."""
    cautions: dict[Parameter, str] = Field(default={})
    """What is doubted about a parameter: a sentence that goes with a request that uses it."""
    path_points: tuple[Points, Points] = (2, 77)
    """How many points a motion path has at least and at most."""
    price: Price
    retired: str | None = None
    """What is known about its end, as a sentence; it is then chosen only when named, or last of its provider's."""
    wire: dict[str, str] = Field(default={})
    """How the provider is to be spoken to for this model; the provider's file says what is understood."""
    is_known: bool = True
    """False for one that stands in no row and is passed on as it was named."""

    @model_validator(mode="after")
    def _all_have_prices(self) -> Self:
        for quality in self.qualities:
            for duration_s in self.durations_s:
                if self.price.credits(quality, duration_s, sound=False, voices=False) is None:
                    raise ValueError(f"{self.id}: {quality} has no price for {duration_s} s.")
        return self

    @model_validator(mode="after")
    def _restrictions_are_about_parameters(self) -> Self:
        named = {
            *self.only,
            *self.cautions,
            *self.required,
            *(one for group in self.exclusive for one in group),
        }
        if unknown := sorted(named - set(self.parameters)):
            raise ValueError(f"{self.id}: {all_of(unknown)} not among its parameters.")
        return self

    @property
    def key(self) -> tuple[str, str, frozenset[Task]]:
        """What makes two rows the same one."""
        return (self.provider, self.id, frozenset(self.tasks))

    @property
    def title(self) -> str:
        """Its name where people read it: those of vendors are the same everywhere."""
        return tr(self.name)

    @property
    def generation(self) -> Decimal | None:
        """The version in its name: 2.5 of `Kling 2.5 Turbo`; None where there is none."""
        version = re.search(r"\d+(\.\d+)?", self.name)
        return Decimal(version[0]) if version else None

    def quality_of(self, request: VideoRequest) -> Quality:
        """The quality asked for, or else the model's first in which all that the request uses works."""
        if request.quality:
            return request.quality
        used = used_by(request)
        able = (one for one in self.qualities if not self.not_in(one, request.duration_s, used))
        return next(able, self.qualities[0])

    def not_in(self, quality: Quality, duration_s: int, used: Iterable[Parameter]) -> list[Parameter]:
        """Those of the parameters that do not work in such clips."""
        here = {quality.value, f"{quality}/{duration_s}"}
        return [one for one in used if one in self.only and here.isdisjoint(self.only[one])]

    def cost(self, request: VideoRequest) -> int:
        """Credits for this request; a draft is free.

        Raises:
            ValueError: the model does not make such clips.
        """
        if request.draft:
            return 0
        quality, sound = self.quality_of(request), request.sound
        credits_ = self.price.credits(quality, request.duration_s, sound=sound, voices=bool(request.voices))
        if credits_ is None:
            raise ValueError(f"{self.id} has no price for {quality} and {request.duration_s} s")
        return credits_


def fits(request: VideoRequest, spec: ModelSpec) -> list[str]:
    """What keeps `spec` from making `request`, a sentence each; empty when nothing does."""
    return list(_problems(request, spec))


def can_make(spec: ModelSpec, request: VideoRequest) -> bool:
    """Whether nothing keeps `spec` from making `request`; quicker than all that does."""
    is_far_off = request.task not in spec.tasks or request.duration_s not in spec.durations_s
    if spec.is_known and is_far_off:
        return False
    return next(iter(_problems(request, spec)), None) is None


def _problems(request: VideoRequest, spec: ModelSpec) -> Iterable[str]:
    if not spec.is_known:
        return
    used = used_by(request)
    yield from _shape_problems(request, spec)
    for one in used:
        if one not in spec.parameters and one != "prompt":
            yield tr("{model} does not take {what}; leave it out.", model=spec.title, what=_called(one))
    for one in spec.required:
        if one not in used:
            yield tr("{model} needs {what}.", model=spec.title, what=_called(one))
    yield from _place_problems(request, spec, used)
    yield from _company_problems(request, spec, used)
    yield from _path_problems(request, spec)


def cautions(request: VideoRequest, spec: ModelSpec) -> tuple[str, ...]:
    """What is doubted about making `request` with `spec`, a sentence each."""
    if not spec.is_known:
        return (
            tr(
                "{model} is not a model that this bot knows; it is passed on to {provider} as it is.",
                model=spec.id,
                provider=spec.provider,
            ),
        )
    said = [spec.cautions[one] for one in used_by(request) if one in spec.cautions]
    return tuple(tr(one) for one in ([spec.retired] if spec.retired else []) + said)


def used_by(request: VideoRequest) -> list[Parameter]:
    """The parameters that a request makes use of."""
    camera = request.camera
    is_used: Mapping[Parameter, object] = {
        "prompt": request.prompt.strip() and not request.shots,
        "negative_prompt": request.negative_prompt,
        "end_frame": request.end_frame,
        "guidance": request.guidance is not None,
        "camera": camera and isinstance(camera.move, CameraMove),
        "camera_preset": camera and not isinstance(camera.move, CameraMove),
        "motion": request.motion,
        "sound": request.sound,
        "voices": request.voices,
        "shots": request.shots,
        "watermark": request.watermark,
    }
    return [name for name, used in is_used.items() if used]


def _shape_problems(request: VideoRequest, spec: ModelSpec) -> Iterable[str]:
    if request.task not in spec.tasks:
        yield tr("{model} does not do {task}.", model=spec.title, task=tr(_TASKS[request.task]))
    if request.duration_s not in spec.durations_s:
        yield tr(
            "{model} makes clips of {lengths} seconds, not {wanted}.",
            model=spec.title,
            lengths=any_of(spec.durations_s),
            wanted=request.duration_s,
        )
    if request.quality and request.quality not in spec.qualities:
        yield tr(
            "{model} has the quality {qualities}, not {wanted}.",
            model=spec.title,
            qualities=any_of(spec.qualities),
            wanted=request.quality.value,
        )
    if request.aspect and not spec.aspects:
        yield tr("{model} follows the shape of the picture; leave the aspect out.", model=spec.title)
    elif request.aspect and request.aspect not in spec.aspects:
        yield tr(
            "{model} has the aspects {aspects}, not {wanted}.",
            model=spec.title,
            aspects=any_of(spec.aspects),
            wanted=request.aspect.value,
        )


def _place_problems(request: VideoRequest, spec: ModelSpec, used: Sequence[Parameter]) -> Iterable[str]:
    quality = spec.quality_of(request)
    for one in spec.not_in(quality, request.duration_s, used):
        yield tr(
            "{model} takes {what} only in {places}, not in {wanted}.",
            model=spec.title,
            what=_called(one),
            places=any_of([_place(place) for place in spec.only[one]]),
            wanted=_place(f"{quality}/{request.duration_s}"),
        )


def _company_problems(request: VideoRequest, spec: ModelSpec, used: Sequence[Parameter]) -> Iterable[str]:
    for group in spec.exclusive:
        together = [_called(one) for one in group if one in used]
        if len(together) > 1:
            yield tr("{model} takes only one of {these}.", model=spec.title, these=all_of(together))
    if request.voices and not request.sound:
        yield tr("Voices need sound; switch sound on.")


def _path_problems(request: VideoRequest, spec: ModelSpec) -> Iterable[str]:
    least, most = spec.path_points
    counts = [len(stroke.path) for stroke in request.motion.moving] if request.motion else []
    if any(not least <= count <= most for count in counts):
        yield tr("{model} wants paths of {least} to {most} points.", model=spec.title, least=least, most=most)


def _place(place: str) -> str:
    quality, _, duration = place.partition("/")
    return tr("{quality} of {seconds} s", quality=quality, seconds=duration) if duration else quality


def _called(parameter: Parameter) -> str:
    return tr(_WORDS[parameter])


def any_of(values: Sequence[object]) -> str:
    """`a, b or c`."""
    return _listed(values, tr("or"))


def all_of(values: Sequence[object]) -> str:
    """`a, b and c`."""
    return _listed(values, tr("and"))


def _listed(values: Sequence[object], word: str) -> str:
    texts = list(map(str, values))
    if _is_run(values):
        return tr("{first} to {last}", first=texts[0], last=texts[-1])
    *others, last = texts
    return f"{', '.join(others)} {word} {last}" if others else last


def _is_run(values: Sequence[object]) -> bool:
    numbers = [value for value in values if isinstance(value, int)]
    return len(numbers) == len(values) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))  # noqa: PLR2004
