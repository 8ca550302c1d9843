"""What each model accepts and costs: rows of data, read at start.

The rows that come with Kinora stand in `catalogue.toml`; an operator's file of the same form adds rows and
replaces those with the same provider, id and tasks. Only what is certainly refused upstream is refused
here; what is merely doubted is said as a caution.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, ValidationError, model_validator

from bot.domain.errors import CatalogueInvalid, NotExpressible
from bot.domain.requests import Aspect, CameraMove, Quality, Task, Value, VideoRequest, first_problem

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
    "prompt": "a prompt",
    "negative_prompt": "a negative prompt",
    "end_frame": "an end frame",
    "guidance": "guidance",
    "camera": "camera moves with an amount",
    "camera_preset": "composed camera moves",
    "motion": "painted motion",
    "sound": "sound",
    "voices": "voices",
    "shots": "several shots",
    "watermark": "a watermark",
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
            raise ValueError(f"{self.id}: {_and(unknown)} not among its parameters.")
        return self

    @property
    def key(self) -> tuple[str, str, frozenset[Task]]:
        """What makes two rows the same one."""
        return (self.provider, self.id, frozenset(self.tasks))

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


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that will make a clip, what that costs in credits, and what is doubted about it."""

    spec: ModelSpec
    price: int
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """How to choose among providers that can make a clip."""

    cheapest_first: bool = False
    """Instead of the operator's order."""
    is_healthy: Callable[[str], bool] = field(default=lambda _provider: True)
    """Providers that are not are chosen only when no other can."""
    without: frozenset[str] = frozenset()
    """Providers that are out of the question."""
    at_most: int | None = None
    """Credits."""


USUAL = Routing()


class Catalogue:
    """The models at hand, in the operator's order of preference."""

    def __init__(
        self, specs: Iterable[ModelSpec], *, providers: Sequence[str], drafts_by: str | None = None
    ) -> None:
        """`drafts_by` names a provider that makes drafts without being among `providers`."""
        rank = {name: place for place, name in enumerate(providers)}
        rows = list(specs)
        self.specs = tuple(
            sorted(
                (spec for spec in rows if spec.provider in rank),
                key=lambda spec: (rank[spec.provider], spec.retired is not None),
            )
        )
        self._drafting = tuple(spec for spec in rows if spec.provider == (drafts_by or "local"))
        if drafts_by is None:
            self._drafting = tuple(spec for spec in self._drafting if spec.provider in rank)
        self._providers = tuple(providers)

    def choose(self, request: VideoRequest, routing: Routing = USUAL) -> Choice:
        """The model that makes `request`: the first that can, in the order that `routing` gives.

        Raises:
            NotExpressible: none can; its sentences say what to change.
        """
        candidates = self._candidates(request, routing)
        fitting = [spec for spec in candidates if not fits(request, spec)]
        if fitting:
            best = min(fitting, key=lambda spec: _preference(request, spec, routing))  # the first of equals
            return Choice(best, best.cost(request), cautions(request, best))
        if not candidates:
            raise NotExpressible([self._no_candidate(request)])
        nearest = [spec for spec in candidates if request.task in spec.tasks] or candidates
        raise NotExpressible(min((fits(request, spec) for spec in nearest), key=len))

    def fitting(self, request: VideoRequest) -> list[Choice]:
        """Every model that can make `request`, in the order of preference."""
        candidates = self._candidates(request, USUAL)
        return [
            Choice(spec, spec.cost(request), cautions(request, spec))
            for spec in candidates
            if not fits(request, spec)
        ]

    def spec_of(self, provider: str, model: str, task: Task) -> ModelSpec:
        """The row of a model that was chosen earlier, even if it has gone from the catalogue since.

        Raises:
            NotExpressible: the catalogue knows no model of that provider any more.
        """
        rows = [spec for spec in (*self.specs, *self._drafting) if spec.provider == provider]
        named = [spec for spec in rows if spec.id == model]
        for spec in (spec for spec in named if task in spec.tasks):
            return spec
        for unknown in _unknown(provider, model, task, rows):
            return unknown
        raise NotExpressible([f"There is no model of {provider} at hand any more."])

    def _candidates(self, request: VideoRequest, routing: Routing) -> list[ModelSpec]:
        if request.draft:
            return [spec for spec in self._drafting if request.model in (None, spec.id)]
        wanted = [
            spec
            for spec in self.specs
            if request.provider in (None, spec.provider) and spec.provider not in routing.without
        ]
        if request.model is None:
            found = wanted
        else:
            found = [spec for spec in wanted if spec.id == request.model] or self._passed_on(request, routing)
        if routing.at_most is None:
            return found
        return [spec for spec in found if fits(request, spec) or spec.cost(request) <= routing.at_most]

    def _passed_on(self, request: VideoRequest, routing: Routing) -> list[ModelSpec]:
        """A model that no row knows may exist all the same: it goes to the provider as it was named."""
        assert request.model is not None
        if any(spec.id == request.model for spec in self.specs):
            return []
        return [
            unknown
            for provider in self._providers
            if request.provider in (None, provider)
            and provider != "local"
            and provider not in routing.without
            for unknown in _unknown(provider, request.model, request.task, self.specs)
        ]

    def _no_candidate(self, request: VideoRequest) -> str:
        if request.draft and self._drafting:
            return "Drafts are made by the local renderer; leave the model out."
        if request.draft:
            return "Drafts are made by the local renderer, which is switched off here."
        if request.provider is not None and request.provider not in self._providers:
            return f"Choose one of the providers at hand: {', '.join(self._providers)}."
        offered = dict.fromkeys(
            f"`{spec.id}`" for spec in self.specs if request.provider in (None, spec.provider)
        )
        return f"Choose one of the models at hand: {_some(list(offered))}."


def parse(text: str, *, source: str) -> list[ModelSpec]:
    """Read rows in TOML; `source` names the file in errors.

    A table `defaults.<provider>` holds what the rows of that provider have in common.

    Raises:
        CatalogueInvalid: it is not TOML, or a row is not one.
    """
    rows, defaults = _read(text, source)
    specs = _specs(rows, defaults, source)
    _need_rows(defaults, specs, source)
    return specs


def overlaid(shipped: str, own: str, *, source: str) -> list[ModelSpec]:
    """The shipped file with the operator's laid over it; `source` names the latter in errors.

    Its rows come first and take the place of shipped ones, as in `joined`; what its `defaults` say about a
    provider goes for the shipped rows too, and the shipped defaults for its rows.

    Raises:
        CatalogueInvalid: either is not TOML, or a row is not one.
    """
    rows, defaults = _read(shipped, "catalogue.toml")
    own_rows, own_defaults = _read(own, source)
    both = {
        provider: _with(defaults.get(provider, {}), own_defaults.get(provider, {}))
        for provider in (*defaults, *own_defaults)
    }
    specs = joined(_specs(rows, both, source), _specs(own_rows, both, source))
    _need_rows(own_defaults, specs, source)
    return specs


def joined(shipped: Sequence[ModelSpec], own: Sequence[ModelSpec]) -> list[ModelSpec]:
    """The operator's own rows before the shipped ones, whose place they take where both say the same model."""
    replaced = {spec.key for spec in own}
    return [*own, *(spec for spec in shipped if spec.key not in replaced)]


def fits(request: VideoRequest, spec: ModelSpec) -> list[str]:
    """What keeps `spec` from making `request`, a sentence each; empty when nothing does."""
    if not spec.is_known:
        return []
    used = used_by(request)
    return [
        *_shape_problems(request, spec),
        *(
            f"{spec.name} does not take {_WORDS[one]}; leave it out."
            for one in used
            if one not in spec.parameters and one != "prompt"
        ),
        *(f"{spec.name} needs {_WORDS[one]}." for one in spec.required if one not in used),
        *_place_problems(request, spec, used),
        *_company_problems(request, spec, used),
        *_path_problems(request, spec),
    ]


def cautions(request: VideoRequest, spec: ModelSpec) -> tuple[str, ...]:
    """What is doubted about making `request` with `spec`, a sentence each."""
    if not spec.is_known:
        return (
            f"{spec.id} is not a model that this bot knows; it is passed on to {spec.provider} as it is.",
        )
    said = [spec.cautions[one] for one in used_by(request) if one in spec.cautions]
    return tuple(([spec.retired] if spec.retired else []) + said)


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
        yield f"{spec.name} does not do {request.task.replace('_', ' ')}."
    if request.duration_s not in spec.durations_s:
        yield f"{spec.name} makes clips of {_or(spec.durations_s)} seconds, not {request.duration_s}."
    if request.quality and request.quality not in spec.qualities:
        yield f"{spec.name} has the quality {_or(spec.qualities)}, not {request.quality}."
    if request.aspect and not spec.aspects:
        yield f"{spec.name} follows the shape of the picture; leave the aspect out."
    elif request.aspect and request.aspect not in spec.aspects:
        yield f"{spec.name} has the aspects {_or(spec.aspects)}, not {request.aspect}."


def _place_problems(request: VideoRequest, spec: ModelSpec, used: Sequence[Parameter]) -> Iterable[str]:
    quality = spec.quality_of(request)
    for one in spec.not_in(quality, request.duration_s, used):
        yield (
            f"{spec.name} takes {_WORDS[one]} only in {_or([_place(place) for place in spec.only[one]])}, "
            f"not in {_place(f'{quality}/{request.duration_s}')}."
        )


def _company_problems(request: VideoRequest, spec: ModelSpec, used: Sequence[Parameter]) -> Iterable[str]:
    for group in spec.exclusive:
        together = [_WORDS[one] for one in group if one in used]
        if len(together) > 1:
            yield f"{spec.name} takes only one of {_and(together)}."
    if request.voices and not request.sound:
        yield "Voices need sound; switch sound on."


def _path_problems(request: VideoRequest, spec: ModelSpec) -> Iterable[str]:
    least, most = spec.path_points
    counts = [len(stroke.path) for stroke in request.motion.moving] if request.motion else []
    if any(not least <= count <= most for count in counts):
        yield f"{spec.name} wants paths of {least} to {most} points."


def _preference(request: VideoRequest, spec: ModelSpec, routing: Routing) -> tuple[bool, bool, int]:
    is_known_bad = not routing.is_healthy(spec.provider)
    price = spec.cost(request) if routing.cheapest_first else 0
    return (is_known_bad, spec.retired is not None and routing.cheapest_first, price)


def _unknown(provider: str, model: str, task: Task, rows: Iterable[ModelSpec]) -> Iterable[ModelSpec]:
    """A row for a model that stands in none: the provider's usual way of speaking, its dearest price."""
    like = [spec for spec in rows if spec.provider == provider and task in spec.tasks]
    if not like:
        return
    dearest = max(like, key=lambda spec: _per_second(spec.price))
    price = Price(per_second=dict.fromkeys(Quality, _per_second(dearest.price)), estimated=True)
    lengths = tuple(range(1, 61))
    yield like[0].model_copy(
        update={
            "id": model,
            "name": model,
            "qualities": tuple(Quality),
            "durations_s": lengths,
            "aspects": tuple(Aspect),
            "only": {},
            "cautions": {},
            "price": price,
            "retired": None,
            "is_known": False,
        }
    )


def _per_second(price: Price) -> Decimal:
    """Credits for a second at its dearest."""
    clips = [amount / int(key.partition("/")[2].partition("+")[0]) for key, amount in price.per_clip.items()]
    return max([*price.per_second.values(), *clips]) * price.unit_credits


_Table: TypeAlias = dict[str, Any]


class _File(Value):
    """What a file may hold, before anything is known about its rows."""

    model: tuple[_Table, ...] = ()
    defaults: dict[str, _Table] = Field(default={})


def _read(text: str, source: str) -> tuple[Sequence[_Table], Mapping[str, _Table]]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueInvalid(f"{source} is not TOML: {error}.") from error
    if unknown := sorted(read.keys() - {"model", "defaults"}):
        raise CatalogueInvalid(f"{source}: {_and(unknown)} is not known there; rows begin with [[model]].")
    try:
        file = _File.model_validate(read)
    except ValidationError as error:
        raise CatalogueInvalid(
            f"{source}: rows begin with [[model]], what a provider's rows have in common with "
            "[defaults.<provider>], and both hold names with values."
        ) from error
    return file.model, file.defaults


def _specs(rows: Iterable[_Table], defaults: Mapping[str, _Table], source: str) -> list[ModelSpec]:
    specs = [_row(row, defaults.get(str(row.get("provider")), {}), source) for row in rows]
    seen: set[object] = set()
    for spec in specs:
        if spec.key in seen:
            raise CatalogueInvalid(f"{source}, {spec.id}: two rows of {spec.provider} say the same model.")
        seen.add(spec.key)
    return specs


def _need_rows(defaults: Iterable[str], specs: Iterable[ModelSpec], source: str) -> None:
    """A default that goes for nothing is a misspelt one."""
    if unused := sorted(set(defaults) - {spec.provider for spec in specs}):
        raise CatalogueInvalid(f"{source}: there are defaults for {_and(unused)}, but no row.")


def _row(row: _Table, common: _Table, source: str) -> ModelSpec:
    try:
        return ModelSpec.model_validate(_with(common, row))
    except ValidationError as error:
        named = row.get("id", "a row without an id")
        raise CatalogueInvalid(f"{source}, {named}: {first_problem(error)}") from error


def _with(common: _Table, own: _Table) -> _Table:
    """What both say, where they differ as `own` says; a price is not replaced but completed."""
    prices = [table["price"] for table in (common, own) if "price" in table]
    wrong = [price for price in prices if not isinstance(price, dict)]
    if not prices or wrong:
        return {**common, **own, **({"price": wrong[0]} if wrong else {})}
    return {**common, **own, "price": {**prices[0], **prices[-1]}}


def _place(place: str) -> str:
    quality, _, duration = place.partition("/")
    return f"{quality} of {duration} s" if duration else quality


def _or(values: Sequence[object]) -> str:
    return _listed(values, "or")


def _and(values: Sequence[object]) -> str:
    return _listed(values, "and")


def _listed(values: Sequence[object], word: str) -> str:
    texts = list(map(str, values))
    if _is_run(values):
        return f"{texts[0]} to {texts[-1]}"
    *others, last = texts
    return f"{', '.join(others)} {word} {last}" if others else last


def _is_run(values: Sequence[object]) -> bool:
    numbers = [value for value in values if isinstance(value, int)]
    return len(numbers) == len(values) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))  # noqa: PLR2004


def _some(values: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
