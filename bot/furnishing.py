"""What commands may use, put together over the engine."""

import asyncio

from bot.client import Kinora, Services
from bot.domain.jobs import Job
from bot.engine import Engine
from bot.services.checkup import Checkup
from bot.services.claims import Claims
from bot.services.departures import Departures
from bot.services.draining import Draining
from bot.services.drawings import Drawings
from bot.services.exports import Exports
from bot.services.generation import Generation
from bot.services.guilds import GuildSettings
from bot.services.insights import Insights
from bot.services.ledger import Ledger
from bot.services.manners import Manners
from bot.services.pace import Pace
from bot.services.paintings import Paintings
from bot.services.places import Places
from bot.services.policy import Policy
from bot.services.privacy import Privacy
from bot.services.quotas import Quotas
from bot.services.reports import Reports
from bot.services.reuse import Reuse
from bot.services.usage import UsageReports
from bot.services.withdrawals import Withdrawals
from bot.settings import Settings
from bot.stores import Stores
from bot.ui.desk import Desk
from bot.ui.erasing import DiscordEraser
from bot.ui.threads import DiscordPublisher


def furnish(
    client: Kinora,
    settings: Settings,
    stores: Stores,
    publisher: DiscordPublisher,
    engine: Engine,
    *,
    tasks: asyncio.TaskGroup,
) -> None:
    """Give the client what commands use; what nobody waits for runs in `tasks`."""
    clock = engine.clock
    catalogue = engine.catalogue

    def queued(job: Job) -> None:
        engine.admission.wake()
        engine.request_log.wake(job.origin.guild_id)

    def let_go() -> None:
        engine.leader.ring("retention")

    def withdrawn() -> None:
        let_go()
        client.services.privacy.wake()

    def departed() -> None:
        engine.admission.wake()
        withdrawn()

    generation = Generation(
        db=stores.db,
        routes=engine.routes,
        images=stores.images,
        blobs=stores.blobs,
        clock=clock,
        runner=engine.runner,
        notices=engine.notices,
        policy=Policy(db=stores.db, refused=engine.request_log.refused),
        gate=engine.gate,
        defaults=settings.default_limits,
        queued=queued,
        stopping=engine.cards.changed,
        let_go=let_go,
        has_page=settings.public_url is not None,
    )
    paintings = Paintings(
        db=stores.db,
        blobs=stores.blobs,
        images=stores.images,
        drawings=Drawings(
            db=stores.db,
            blobs=stores.blobs,
            images=stores.images,
            catalogue=catalogue,
            routes=engine.routes,
            clock=clock,
            let_go=let_go,
        ),
        clock=clock,
        secret=stores.callback_secret,
        public_url=settings.public_url,
    )
    insights = Insights(db=stores.db, attempts=engine.attempts, gate=engine.gate, card_of=engine.cards.of)
    pace = Pace(clock)
    privacy = Privacy(
        db=stores.db,
        clock=clock,
        publisher=publisher,
        eraser=DiscordEraser(client),
        wake=engine.runner.wake,
        let_go=let_go,
        ring=lambda: engine.leader.ring("privacy"),
    )
    _sweep(engine, privacy)
    client.services = Services(
        catalogue=catalogue,
        routes=engine.routes,
        insights=insights,
        quotas=Quotas(
            db=stores.db,
            clock=clock,
            defaults=settings.default_limits,
            models=[spec.id for spec in catalogue.specs],
            card_of=engine.cards.of,
            recapped=engine.admission.wake,
        ),
        ledger=Ledger(db=stores.db),
        guilds=GuildSettings(
            db=stores.db,
            clock=clock,
            defaults=settings.default_limits,
            changed=engine.notices.wake,  # a log channel that was chosen just now has not been told anything
        ),
        places=Places(stores.db),
        privacy=privacy,
        exports=Exports(
            db=stores.db,
            blobs=stores.blobs,
            archives=stores.archives,
            clock=clock,
            secret=stores.callback_secret,
            public_url=settings.public_url,
        ),
        reports=UsageReports(db=stores.db, clock=clock, defaults=settings.default_limits),
        charts=stores.charts,
        claims=Claims(
            db=stores.db,
            clock=clock,
            delivery=engine.delivery,
            publisher=publisher,
            wake=engine.runner.wake,
            withdrawn=withdrawn,
        ),
        retention=engine.retention,
        checkup=Checkup(
            db=stores.db,
            clock=clock,
            gate=engine.gate,
            health=engine.health,
            providers=engine.providers,
            folder=settings.data_dir,
            reserve_bytes=settings.disk_reserve_bytes,
            known_limit=engine.delivery.known_limit,
        ),
        gate=engine.gate,
        draining=Draining(db=stores.db, gate=engine.gate, clock=clock),
        departures=Departures(
            db=stores.db,
            clock=clock,
            gone=publisher.gone,
            defaults=settings.default_limits,
            data_lasts_ms=settings.guild_data_lasts_ms,
            is_member=client.is_in,
            wake=engine.runner.wake,
            ended=departed,
            leads=(lambda: engine.leader.leads) if settings.is_shared else None,
        ),
        pace=pace,
        paintings=paintings,
    )

    client.desk = Desk(
        catalogue=catalogue,
        generation=generation,
        reuse=Reuse(db=stores.db, blobs=stores.blobs, clips=stores.clips, routes=engine.routes),
        withdrawals=Withdrawals(db=stores.db, clock=clock, withdrawn=withdrawn, wake=engine.runner.wake),
        reports=Reports(db=stores.db, clock=clock),
        insights=insights,
        cards=engine.cards,
        delivery=engine.delivery,
        publisher=publisher,
        notices=engine.notices,
        thumbnails=engine.thumbnails,
        originals=engine.originals,
        paintings=paintings,
        client=client,
        manners=Manners(stores.db),
        pace=pace,
        clock=clock,
        tasks=tasks,
    )


def _sweep(engine: Engine, privacy: Privacy) -> None:
    leader, notices, retention = engine.leader, engine.notices, engine.retention
    leader.duty("notices", notices.run, notices.look)
    leader.duty("retention", retention.run, retention.wake)
    leader.duty("privacy", privacy.run, privacy.look)
