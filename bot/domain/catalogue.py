"""What each model accepts and costs: rows of data, read at start from `catalogue.toml`."""

import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.domain.errors import NotExpressible
from bot.domain.requests import Aspect, Quality, Task, Value, VideoRequest

PerSecond = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Parameter = Literal["negative_prompt", "end_frame", "guidance", "camera", "sound", "voices"]

_WORDS: dict[Parameter, str] = {
    "negative_prompt": "a negative prompt",
    "end_frame": "an end frame",
    "guidance": "guidance",
    "camera": "camera moves",
    "sound": "sound",
    "voices": "voices",
}


class ModelSpec(Value):
    """One model of one provider."""

    provider: str
    id: str
    name: str
    tasks: tuple[Task, ...]
    qualities: tuple[Quality, ...]
    durations_s: tuple[int, ...]
    aspects: tuple[Aspect, ...]
    parameters: tuple[Parameter, ...]
    credits_per_second: dict[Quality, PerSecond]

    @model_validator(mode="after")
    def _all_have_prices(self) -> Self:
        if unpriced := [quality for quality in self.qualities if quality not in self.credits_per_second]:
            raise ValueError(f"{self.id}: {_or(unpriced)} has no price in credits_per_second.")
        return self

    def price(self, request: VideoRequest) -> int:
        """Credits for this request; a draft is free."""
        return 0 if request.draft else self.cost(request.quality, request.duration_s)

    def cost(self, quality: Quality, duration_s: int) -> int:
        """Credits for a clip, rounded up."""
        return math.ceil(self.credits_per_second[quality] * duration_s)


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that will make a clip, and what that costs in credits."""

    spec: ModelSpec
    price: int


class Catalogue:
    """The models at hand, in the operator's order of preference."""

    def __init__(self, specs: Iterable[ModelSpec], *, providers: Sequence[str]) -> None:
        rank = {name: place for place, name in enumerate(providers)}
        known = [spec for spec in specs if spec.provider in rank]
        self.specs = tuple(sorted(known, key=lambda spec: rank[spec.provider]))

    @classmethod
    def parse(cls, text: str, *, providers: Sequence[str]) -> "Catalogue":
        """Read rows in TOML; raises `pydantic.ValidationError` for a row that is not one."""
        rows = tomllib.loads(text)["model"]
        return cls(map(ModelSpec.model_validate, rows), providers=providers)

    def choose(self, request: VideoRequest) -> Choice:
        """The first model that can make `request`.

        Raises:
            NotExpressible: none can; its sentences say what to change.
        """
        problems: list[str] = []
        for spec in self._candidates(request):
            problems = fits(request, spec)
            if not problems:
                return Choice(spec, spec.price(request))
        raise NotExpressible(problems or [self._no_candidate(request)])

    def _candidates(self, request: VideoRequest) -> Iterable[ModelSpec]:
        provider = "local" if request.draft else request.provider
        return (
            spec
            for spec in self.specs
            if provider in (None, spec.provider) and request.model in (None, spec.id)
        )

    def _no_candidate(self, request: VideoRequest) -> str:
        known = ", ".join(f"`{spec.id}`" for spec in self.specs)
        if request.draft and any(spec.provider == "local" for spec in self.specs):
            return "Drafts are made by the local renderer; leave the model out."
        if request.draft:
            return "Drafts are made by the local renderer, which is switched off here."
        return f"Choose one of the models at hand: {known}."


def fits(request: VideoRequest, spec: ModelSpec) -> list[str]:
    """What keeps `spec` from making `request`, a sentence each; empty when nothing does."""
    problems: list[str] = []
    if request.task not in spec.tasks:
        problems.append(f"{spec.name} does not do {request.task.replace('_', ' ')}.")
    if request.duration_s not in spec.durations_s:
        problems.append(
            f"{spec.name} makes clips of {_or(spec.durations_s)} seconds, not {request.duration_s}."
        )
    if request.quality not in spec.qualities:
        problems.append(f"{spec.name} has the qualities {_or(spec.qualities)}, not {request.quality}.")
    if request.aspect and request.aspect not in spec.aspects:
        problems.append(f"{spec.name} has the aspects {_or(spec.aspects)}, not {request.aspect}.")
    problems += [
        f"{spec.name} does not take {_WORDS[used]}; leave it out."
        for used in _used(request)
        if used not in spec.parameters
    ]
    return problems


def _used(request: VideoRequest) -> Iterable[Parameter]:
    return (name for name in _WORDS if _is_given(getattr(request, name)))


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value not in ((), "")  # 0 is a choice


def _or(values: Sequence[object]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
