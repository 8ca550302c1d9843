"""The models at hand, and which of them makes a request.

The rows that come with Kinora stand in `catalogue.toml`; an operator's file of the same form adds rows and
replaces those with the same provider, id and tasks. What a row says is in `bot.domain.models`, how a file of
them is read in `bot.domain.rows`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.errors import NotExpressible
from bot.domain.models import ModelSpec, Price, can_make, cautions, fits
from bot.domain.pricing import USUAL_PRICES, Prices
from bot.domain.requests import Aspect, Quality, Task, VideoRequest
from bot.language import tr


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that will make a clip, what that costs in credits, and what is doubted about it."""

    spec: ModelSpec
    price: int
    """What the server takes for it."""
    cautions: tuple[str, ...] = ()
    worth: int = 0
    """The catalogue's price."""
    percent: int | None = 100
    """Of its worth that the server takes; None where it has a price of its own."""
    quality: Quality | None = None
    """The quality that it is made in; None leaves that to the model."""
    is_preferred: bool = False
    """Whether it is what the server prefers."""


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
    not_before: Decimal | None = None
    """The generation of models below which none will do."""
    worth_at_most: int | None = None
    """Credits at the catalogue's prices."""
    prices: Prices = USUAL_PRICES
    """The server's."""
    provider: str | None = None
    model: str | None = None
    """Those two are chosen before others that can do it, if the request names neither."""
    quality: Quality | None = None
    """Of clips whose request names none, where the model can."""

    def taken(self, request: VideoRequest, spec: ModelSpec) -> VideoRequest:
        """A request with the server's quality, if it names none and the model can."""
        if request.quality or request.draft or self.quality is None:
            return request
        preferred = request.model_copy(update={"quality": self.quality})
        return request if fits(preferred, spec) else preferred

    def is_met_by(self, request: VideoRequest, spec: ModelSpec) -> bool:
        """Whether there is something that the server prefers for a request, and it is this model."""
        counts = self._counts_for(request) and (self.model is not None or self.provider is not None)
        return counts and not any(self.misses(request, spec))

    def misses(self, request: VideoRequest, spec: ModelSpec) -> tuple[bool, bool]:
        """Whether it is another model than the server prefers, and another provider."""
        if not self._counts_for(request):
            return False, False
        return self.model not in (None, spec.id), self.provider not in (None, spec.provider)

    def _counts_for(self, request: VideoRequest) -> bool:
        return not request.draft and request.model is None and request.provider is None


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
        self.lengths_s = tuple(sorted({length_s for spec in self.specs for length_s in spec.durations_s}))
        """Every length in seconds that some model makes."""
        self._generations = {(spec.provider, spec.id): spec.generation for spec in rows}
        self._drafting = tuple(spec for spec in rows if spec.provider == (drafts_by or "local"))
        if drafts_by is None:
            self._drafting = tuple(spec for spec in self._drafting if spec.provider in rank)
        self._providers = tuple(providers)

    def choose(self, request: VideoRequest, routing: Routing = USUAL) -> Choice:
        """The model that makes `request`: the first that can, in the order that `routing` gives.

        Raises:
            NotExpressible: none can; its sentences say what to change.
        """
        if best := self.best(request, routing):
            return best
        candidates = self._candidates(request, routing)
        if not candidates:
            raise NotExpressible([self._no_candidate(request)])
        nearest = [spec for spec in candidates if request.task in spec.tasks] or candidates
        raise NotExpressible(min((fits(request, spec) for spec in nearest), key=len))

    def best(self, request: VideoRequest, routing: Routing = USUAL) -> Choice | None:
        """The same, or None where none can."""
        fitting = (spec for spec in self._candidates(request, routing) if can_make(spec, request))
        best = min(fitting, key=lambda spec: _rank(spec, request, routing), default=None)
        return best and _choice(best, request, routing)

    def fitting(self, request: VideoRequest, routing: Routing = USUAL) -> list[Choice]:
        """Every model that can make `request`, in the order in which `choose` prefers them."""
        fitting = [spec for spec in self._candidates(request, routing) if can_make(spec, request)]
        ordered = sorted(fitting, key=lambda spec: _rank(spec, request, routing))
        return [_choice(spec, request, routing) for spec in ordered]

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
        raise NotExpressible([tr("There is no model of {provider} at hand any more.", provider=provider)])

    def generation_of(self, provider: str, model: str) -> Decimal | None:
        """The generation of a model, also of a provider that is not at hand; None where it is not known."""
        return self._generations.get((provider, model))

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
        return [spec for spec in found if _is_allowed(request, spec, routing)]

    def _passed_on(self, request: VideoRequest, routing: Routing) -> list[ModelSpec]:
        """A model that no row knows may exist all the same: it goes to the provider as it was named.

        Its name must begin as those of the provider's other models: resellers have quite other ones, at any price.
        """
        assert request.model is not None
        if any(spec.id == request.model for spec in (*self.specs, *self._drafting)):
            return []
        return [
            unknown
            for provider in self._providers
            if request.provider in (None, provider)
            and provider != "local"
            and provider not in routing.without
            and _family(request.model)
            in {_family(spec.id) for spec in self.specs if spec.provider == provider}
            for unknown in _unknown(provider, request.model, request.task, self.specs)
        ]

    def _no_candidate(self, request: VideoRequest) -> str:
        if request.draft and self._drafting:
            return tr("Drafts are made by the local renderer; leave the model out.")
        if request.draft:
            return tr("Drafts are made by the local renderer, which is switched off here.")
        if request.provider is not None and request.provider not in self._providers:
            return tr("Choose one of the providers at hand: {names}.", names=", ".join(self._providers))
        offered = dict.fromkeys(
            f"`{spec.id}`" for spec in self.specs if request.provider in (None, spec.provider)
        )
        return tr("Choose one of the models at hand: {names}.", names=_some(list(offered)))


def _choice(spec: ModelSpec, request: VideoRequest, routing: Routing) -> Choice:
    taken = routing.taken(request, spec)
    return Choice(
        spec,
        routing.prices.of(spec, taken),
        cautions(taken, spec),
        worth=spec.cost(taken),
        percent=routing.prices.percent_of(spec),
        quality=spec.quality_of(taken),
        is_preferred=routing.is_met_by(request, spec),
    )


def _is_allowed(request: VideoRequest, spec: ModelSpec, routing: Routing) -> bool:
    if routing.not_before and spec.generation and spec.generation < routing.not_before:
        return False
    if routing.worth_at_most is None and routing.at_most is None:
        return True
    if not can_make(spec, request):
        return True
    if routing.worth_at_most is not None and spec.cost(request) > routing.worth_at_most:
        return False
    return routing.at_most is None or routing.prices.of(spec, request) <= routing.at_most


def _rank(
    spec: ModelSpec, request: VideoRequest, routing: Routing
) -> tuple[bool, tuple[bool, bool], bool, int]:
    """The lower, the rather; equals stay in the operator's order, in which what is on its way out comes last."""
    is_ill, misses = not routing.is_healthy(spec.provider), routing.misses(request, spec)
    if not routing.cheapest_first:
        return is_ill, misses, False, 0
    price = routing.prices.of(spec, routing.taken(request, spec))
    return is_ill, misses, spec.retired is not None, price


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


def _family(model: str) -> str:
    return re.split(r"[^A-Za-z0-9]", model, maxsplit=1)[0]


def _per_second(price: Price) -> Decimal:
    """Credits for a second at its dearest."""
    clips = [amount / int(key.partition("/")[2].partition("+")[0]) for key, amount in price.per_clip.items()]
    return max([*price.per_second.values(), *clips]) * price.unit_credits


def _some(values: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(values[:most])
    return tr("{some} and {more} more", some=shown, more=len(values) - most) if len(values) > most else shown
