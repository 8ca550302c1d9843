"""What becomes of a question when the bot cannot say all it should; the rest is driven through Discord."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import Refused
from bot.domain.jobs import ANYBODY
from bot.services.consent import Consent
from bot.services.gate import Gate
from bot.services.manners import Manners
from bot.services.notices import Notices
from bot.services.policy import Policy
from bot.services.questions import NeedsApproval, NeedsConfirmation, Question, Stage
from bot.ui.consent import Consents
from tests import builders
from tests.services.doubles import RecordingPublisher, TurnedClock, routes

LOG_CHANNEL = 55


class House:
    """Where questions are announced."""

    def __init__(self, db: SqliteDatabase) -> None:
        clock, self.publisher = TurnedClock(), RecordingPublisher()
        notices = Notices(db=db, publisher=self.publisher, clock=clock)
        consent = Consent(
            db=db,
            routes=routes(db, builders.LOCAL),
            clock=clock,
            notices=notices,
            policy=Policy(db=db, refused=lambda _: None),
            gate=Gate(changed=lambda: None),
            defaults=builders.NO_CAPS,
            queued=lambda _: None,
            let_go=lambda: None,
        )
        cards: Any = None  # no job comes of this
        self.consents = Consents(
            consent,
            cards=cards,
            notices=notices,
            manners=Manners(db),
            before_all_else=nullcontext,
            paint=unpainted,
        )


async def unpainted(*_: object) -> None:
    raise AssertionError


def question(stage: Stage) -> Question:
    return Question(
        origin=builders.origin(),
        asker=ANYBODY,
        request=builders.request(),
        provider="local",
        model="local-camera",
        price=5,
        stage=stage,
        lapses_at_ms=1_790_000_000_000,
    )


async def opened(path: Path) -> SqliteDatabase:
    db = await SqliteDatabase.open(path / "kinora.db")
    await db.write(guilds.prefer(1, {"log_channel_id": LOG_CHANNEL}, defaults=builders.NO_CAPS))
    return db


async def test_only_what_waits_for_moderators_is_announced(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    house = House(db)
    for error in (Refused("No."), NeedsConfirmation(1, question(Stage.MEMBER)), ZeroDivisionError()):
        await house.consents.announce(error)
    assert house.publisher.told == []
    await house.consents.announce(NeedsApproval(1, question(Stage.MODERATORS)))
    assert len(house.publisher.told) == 1
    await db.close()


async def test_a_question_that_cannot_be_announced_is_asked_all_the_same(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    house = House(db)
    await db.close()
    with capture_logs() as logs:
        await house.consents.announce(NeedsApproval(1, question(Stage.MODERATORS)))
    assert [(entry["event"], entry["number"]) for entry in logs] == [("approval not announced", 1)]
    assert house.publisher.told == []


@pytest.mark.parametrize("stage", [Stage.MEMBER, Stage.MODERATORS])
def test_a_question_survives_being_written_down(stage: Stage) -> None:
    asked = question(stage)
    assert Question.model_validate_json(asked.model_dump_json()) == asked
