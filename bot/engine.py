"""What carries jobs, put together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bot.db.transaction import Database
from bot.domain.catalogue import Catalogue
from bot.domain.errors import CatalogueInvalid
from bot.domain.jobs import Job
from bot.domain.provider import Provider
from bot.domain.rows import overlaid
from bot.providers import registry
from bot.services.admission import Admission
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.gate import Gate
from bot.services.health import Health
from bot.services.leading import Alone, Elected, Leadership
from bot.services.meter import Meter
from bot.services.news import News, Notice
from bot.services.notices import Notices
from bot.services.ordering import Ordering
from bot.services.originals import Originals
from bot.services.ports import Clock, Publisher
from bot.services.pulse import Pulse
from bot.services.request_log import RequestLog
from bot.services.retention import Retention
from bot.services.room import Room, least_free_bytes
from bot.services.routing import Routes
from bot.services.runner.embedded import EmbeddedRunner
from bot.services.stages import Stages
from bot.services.steps import Steps
from bot.services.thumbnails import Thumbnails
from bot.settings import Settings, SettingsInvalid
from bot.stores import Stores, Wires
from bot.ui.request_log import request_words
from bot.web.callbacks import callback_url, secret_of

if TYPE_CHECKING:
    from bot.db.postgres.queue import Carrier
    from bot.services.runner.cluster import ClusterRunner

Runner: TypeAlias = "EmbeddedRunner | ClusterRunner"


@dataclass(frozen=True, slots=True)
class Engine:
    """What carries jobs from their acceptance to their message."""

    providers: dict[str, Provider]
    catalogue: Catalogue
    routes: Routes
    attempts: Attempts
    news: News
    runner: Runner
    gate: Gate
    room: Room
    admission: Admission
    cards: Cards
    delivery: Delivery
    notices: Notices
    request_log: RequestLog
    retention: Retention
    originals: Originals
    thumbnails: Thumbnails
    health: Health
    meter: Meter
    pulse: Pulse
    clock: Clock
    leader: Leadership


def load_catalogue(settings: Settings) -> Catalogue:
    """The models of the configured providers: those that come with Kinora, and the operator's own.

    Raises:
        CatalogueInvalid: a row of the operator's file is not one, or says what its provider does not understand.
        SettingsInvalid: the file cannot be read.
    """
    shipped = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    path = settings.data_dir / "models.toml"
    try:
        own = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}.") from error
    specs = overlaid(shipped, own, source=str(path))
    if problems := registry.wire_problems(specs):
        raise CatalogueInvalid(f"{path}, {problems[0]}")
    return Catalogue(
        specs,
        providers=settings.provider_order,
        drafts_by="local" if settings.makes_drafts else None,
    )


def build_engine(
    settings: Settings,
    stores: Stores,
    wires: Wires,
    publisher: Publisher,
    *,
    clock: Clock,
    tasks: asyncio.TaskGroup,
    carrier: "Carrier | None" = None,
    may_lead: bool = True,
    has_left: Callable[[str], bool] = lambda _provider: True,
) -> Engine:
    """Put the engine together; its work runs in `tasks`.

    `carrier` is where steps wait for any worker; `may_lead`: it may do what one process does for all;
    `has_left`: whether a provider that is not among `PROVIDERS` is at hand in no other process either.
    """
    db, is_shared = stores.db, settings.is_shared
    leader = _leadership(settings, clock, may_lead=may_lead)
    catalogue = load_catalogue(settings)

    def task_changed(provider: str, task_id: str) -> None:
        news.tell(provider, Notice(key=None, task_ids=(task_id,)))

    health = Health(
        clock,
        changed=lambda: admission.wake(),  # noqa: PLW0108 - made below
        shared=db if is_shared else None,
    )
    shared = registry.Shared(
        tasks=tasks,
        session=wires.session,
        downloads=wires.downloads,
        now_ms=clock.now_ms,
        changed=task_changed,
    )
    providers = registry.build(settings, shared)
    routes = Routes(db=db, catalogue=catalogue, health=health)
    attempts = Attempts(
        providers=providers,
        routes=routes,
        blobs=stores.blobs,
        installation=stores.installation,
        callback_url=_callback_url(settings, stores.callback_secret),
    )
    gate = Gate(
        changed=lambda: admission.wake(),  # noqa: PLW0108 - made below
        is_one_of_several=is_shared,
    )
    thumbnails = Thumbnails(blobs=stores.blobs, images=stores.images, clips=stores.clips)
    cards = Cards(
        db=db,
        publisher=publisher,
        providers=providers,
        routes=routes,
        gate=gate,
        clock=clock,
        tasks=tasks,
        thumbnails=thumbnails,
        has_page=settings.public_url is not None,
        are_shared=is_shared,
    )
    notices = Notices(db=db, publisher=publisher, clock=clock, ring=lambda: leader.ring("notices"))
    request_log = _request_log(db, publisher, clock, leader)
    delivery = Delivery(
        db=db, publisher=publisher, blobs=stores.blobs, clips=stores.clips, clock=clock, notices=notices
    )

    def admitted(job: Job) -> None:
        cards.changed(job)
        if carrier is None:  # which is told in the transaction that admits
            runner.wake(job.id)

    admission = Admission(
        db=db,
        providers=providers,
        clock=clock,
        gate=gate,
        health=health,
        routes=routes,
        has_left=has_left,
        admitted=admitted,
        moved_up=cards.changed,
    )
    steps = Steps(db=db, clock=clock, cards=cards, slot_freed=admission.wake)
    stages = Stages(
        steps=steps,
        ordering=Ordering(
            steps=steps,
            attempts=attempts,
            routes=routes,
            health=health,
            has_left=has_left,
            sender_may_live=is_shared,
        ),
        attempts=attempts,
        blobs=stores.blobs,
        clips=stores.clips,
        delivery=delivery,
        cards=cards,
        leaves_to_others=lambda: gate.leaves_to_others,
        is_one_of_several=is_shared,
    )
    runner = _runner(carrier, stages, admission, clock=clock, tasks=tasks)
    news = News(db=db, runner=runner, installation=stores.installation, tasks=tasks)
    retention = Retention(
        db=db,
        blobs=stores.blobs,
        clips=stores.clips,
        clock=clock,
        publisher=publisher,
        wake=runner.wake,
        originals_last_ms=settings.originals_last_ms,
        pictures_last_ms=settings.pictures_last_ms,
    )
    originals = Originals(
        db=db, blobs=stores.blobs, clock=clock, secret=stores.callback_secret, public_url=settings.public_url
    )
    pulse = Pulse()
    meter = Meter(
        db=db,
        clock=clock,
        gate=gate,
        health=health,
        providers=providers,
        folder=settings.data_dir,
        reserve_bytes=settings.disk_reserve_bytes,
        sources=(stores.db.metrics, pulse.metrics, retention.metrics),
        leads=(lambda: leader.leads) if is_shared else None,
    )
    return Engine(
        providers,
        catalogue,
        routes,
        attempts,
        news,
        runner,
        gate,
        _room(settings, gate, clock),
        admission,
        cards,
        delivery,
        notices,
        request_log,
        retention,
        originals,
        thumbnails,
        health,
        meter,
        pulse,
        clock,
        leader,
    )


def _runner(
    carrier: "Carrier | None",
    stages: Stages,
    admission: Admission,
    *,
    clock: Clock,
    tasks: asyncio.TaskGroup,
) -> Runner:
    if carrier is None:
        return EmbeddedRunner(advance=stages.advance, give_up=stages.give_up, clock=clock, tasks=tasks)
    from bot.services.runner.cluster import ClusterRunner  # noqa: PLC0415 - psycopg need not be installed

    return ClusterRunner(
        carrier=carrier,
        advance=stages.advance,
        give_up=stages.give_up,
        fill=admission.fill,
        clock=clock,
        tasks=tasks,
    )


def _request_log(db: Database, publisher: Publisher, clock: Clock, leader: Leadership) -> RequestLog:
    made = RequestLog(
        db=db,
        publisher=publisher,
        clock=clock,
        words=request_words,
        leads=lambda: leader.leads,
        ring=lambda guild_id: leader.ring("request log", guild_id),
    )
    leader.duty(
        "request log", None, made.look, made.hear
    )  # it runs everywhere: refused requests are in memory
    return made


def _leadership(settings: Settings, clock: Clock, *, may_lead: bool) -> Leadership:
    url = settings.database
    if isinstance(url, Path):
        return Alone()
    from bot.db.postgres.seat import Seat  # noqa: PLC0415 - psycopg is there only where PostgreSQL is used

    return Elected(seat=Seat(url.get_secret_value()), clock=clock, may_lead=may_lead)


def _room(settings: Settings, gate: Gate, clock: Clock) -> Room:
    folders = settings.kept_in
    return Room(
        free_bytes=lambda: least_free_bytes(folders),
        reserve_bytes=settings.disk_reserve_bytes,
        gate=gate,
        clock=clock,
    )


def _callback_url(settings: Settings, secret: str) -> Callable[[str], str | None]:
    """Where a provider may send news: nowhere, unless it sends any and the internet reaches this process."""
    public_url = settings.public_url

    def address(provider: str) -> str | None:
        if public_url is None or provider not in registry.CALLS_BACK:
            return None
        return callback_url(public_url, provider, secret_of(secret, provider))

    return address
