"""Which model of which provider makes a clip: the operator's order, what fits, who is well, what a server prefers."""

from dataclasses import replace

from bot.db import guilds, money
from bot.db.transaction import Database, Transaction
from bot.domain.catalogue import Catalogue, Choice, Routing
from bot.domain.errors import NotExpressible
from bot.domain.jobs import Job
from bot.domain.models import ModelSpec, cautions
from bot.domain.painting import ANY_MOTION
from bot.domain.provider import ProviderFault, Unreachable
from bot.domain.requests import Options, Quality, VideoRequest
from bot.language import speaking
from bot.services.health import Health

LOCAL = "local"


class Routes:
    """Chooses once when a request comes in, and again when a provider refused it."""

    def __init__(self, *, db: Database, catalogue: Catalogue, health: Health) -> None:
        self._db = db
        self._catalogue = catalogue
        self._health = health

    @property
    def lengths_s(self) -> tuple[int, ...]:
        """Every length in seconds that some model makes."""
        return self._catalogue.lengths_s

    def check(self, request: VideoRequest) -> None:
        """Refuse what no model at hand can make.

        Raises:
            NotExpressible: with the words for it.
        """
        self._catalogue.choose(request)

    def to_paint(self, request: VideoRequest) -> Options | None:
        """What is asked when motion is painted on the picture of a request; None where nobody at hand can make that.

        It is the same but for the camera and the end frame, which give way to painted motion, and for the model and its
        provider, where those take none.
        """
        if request.image is None:
            return None
        painted = request.model_copy(update={"camera": None, "end_frame": None, "motion": ANY_MOTION})
        by_anybody = painted.model_copy(update={"provider": None, "model": None})
        found = next(filter(self._catalogue.best, (painted, by_anybody)), None)
        return found and Options(**{name: getattr(found, name) for name in Options.model_fields})

    async def choose(self, guild_id: int, request: VideoRequest) -> Choice:
        """Who makes a request of that server.

        Raises:
            NotExpressible: no model at hand can.
        """
        return self._catalogue.choose(request, await self.wishes(guild_id))

    async def wishes(self, guild_id: int) -> Routing:
        """How a server wants its providers chosen, what it takes for their clips, and who is well."""
        return replace(await self._db.read(_wishes(guild_id)), is_healthy=self._health.is_healthy)

    async def next_for(self, job: Job, *, only_healthy: bool = False) -> Choice | None:
        """Who makes a job that its provider refused, for no more than was reserved; None when nobody can.

        That is of the members' credits, and of the operator's ceiling at the catalogue's prices.
        Nothing is made by a model of an earlier generation than the one that was chosen, unless the member named it.
        A request that names its provider stays there, and none that was meant for a video model ends as a camera
        move of the local renderer.
        """
        if job.request.provider is not None or job.request.draft:
            return None
        routing = replace(
            await self.wishes(job.origin.guild_id),
            without=frozenset({*job.tried, job.provider, LOCAL}),
            at_most=job.credits,
            worth_at_most=await self._db.read(money.reserved_worth(job.id)),
            not_before=self._catalogue.generation_of(job.provider, job.model),
        )
        try:
            choice = self._catalogue.choose(job.request, routing)
        except NotExpressible:
            return None
        return choice if self._health.is_healthy(choice.spec.provider) or not only_healthy else None

    def spec(self, job: Job) -> ModelSpec:
        """The row of the model that makes a job.

        Raises:
            ProviderFault: the operator has taken the provider out of the catalogue; it may come back.
        """
        try:
            return self._catalogue.spec_of(job.provider, job.model, job.request.task)
        except NotExpressible as error:
            raise Unreachable(str(error)) from error

    def cautions(self, job: Job) -> tuple[str, ...]:
        """What is doubted about making a job, a sentence each, in the language of its card."""
        try:
            with speaking(job.origin.language):
                return cautions(job.request, self.spec(job))
        except ProviderFault:
            return ()


def _wishes(guild_id: int) -> Transaction[Routing]:
    """How a server wants its providers chosen, and what it takes for their clips."""
    preferred = yield from guilds.preferences(guild_id)
    prices = yield from guilds.prices(guild_id, preferred)
    return Routing(
        cheapest_first=bool(preferred.get("cheapest_first")),
        prices=prices,
        provider=preferred.get("default_provider"),
        model=preferred.get("default_model"),
        quality=_quality(preferred.get("default_quality")),
    )


def _quality(kept: object) -> Quality | None:
    """None also for one that another version knew."""
    return next((quality for quality in Quality if quality == kept), None)
