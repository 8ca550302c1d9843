import re
from types import SimpleNamespace
from typing import Any

import pytest
from discord import ui

from bot.language import speaking
from bot.media.errors import Fit
from bot.ui.buttons import CancelButton, ClipButton, FitButton, OriginalButton, RequestButton, fit_row
from bot.ui.questions import AnswerButton
from bot.ui.storyboard import EditShotsButton

EVERY = (
    CancelButton, RequestButton, FitButton, AnswerButton, EditShotsButton, ClipButton, OriginalButton,
)  # fmt: skip


class Desk:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.consents = self.storyboards = self.actions = self.originals = self

    async def take(self, interaction: object, number: int, answer: str) -> None:
        del interaction
        self.asked.append(("answer", number, answer))

    async def send(self, interaction: object, job_id: int) -> None:
        del interaction
        self.asked.append(("original", job_id))

    async def reopen(self, interaction: object, number: int) -> None:
        del interaction
        self.asked.append(("shots", number))

    async def cancel(self, interaction: object, job_id: int) -> None:
        del interaction
        self.asked.append(("cancel", job_id))

    async def show_request(self, interaction: object, job_id: int) -> None:
        del interaction
        self.asked.append(("request", job_id))

    async def take_up_offer(self, interaction: object, offer_id: int, fit: Fit) -> None:
        del interaction
        self.asked.append(("offer", offer_id, fit))


async def click(custom_id: str) -> list[tuple[Any, ...]]:
    """What a click does after a restart, when only the id is left."""
    desk = Desk()
    interaction: Any = SimpleNamespace(client=SimpleNamespace(desk=desk))
    matches = [
        (kind, match)
        for kind in EVERY
        if (match := kind.__discord_ui_compiled_template__.fullmatch(custom_id))
    ]
    [(kind, match)] = matches
    button: Any = await kind.from_custom_id(interaction, ui.Button(custom_id=custom_id), match)
    assert button.custom_id == custom_id
    await button.callback(interaction)
    return desk.asked


@pytest.mark.parametrize("job_id", [1, 10**18 - 1])
async def test_cancel_knows_its_job_for_ever(job_id: int) -> None:
    assert await click(CancelButton(job_id).custom_id) == [("cancel", job_id)]


async def test_a_request_button_knows_its_job() -> None:
    assert await click(RequestButton(7).custom_id) == [("request", 7)]


@pytest.mark.parametrize("fit", [Fit.ENLARGE, Fit.PAD, Fit.CROP])
async def test_a_remedy_knows_its_offer_for_ever(fit: Fit) -> None:
    assert await click(FitButton(12, fit).custom_id) == [("offer", 12, fit)]


@pytest.mark.parametrize("answer", ["make", "dismiss", "approve", "decline", "withdraw"])
async def test_an_answer_knows_its_question_for_ever(answer: str) -> None:
    assert await click(AnswerButton(10**18 - 1, answer).custom_id) == [("answer", 10**18 - 1, answer)]


@pytest.mark.parametrize("does", ["again", "edit", "extend", "final", "delete", "report"])
async def test_what_is_done_with_a_clip_knows_its_job_for_ever(does: str) -> None:
    assert await click(ClipButton(10**18 - 1, does).custom_id) == [("answer", 10**18 - 1, does)]


async def test_an_original_knows_its_job() -> None:
    assert await click(OriginalButton(7).custom_id) == [("original", 7)]


def test_buttons_are_labelled_in_the_language_that_is_spoken() -> None:
    with speaking("de"):
        german: Any = CancelButton(1).item
    english: Any = CancelButton(1).item
    assert (english.label, german.label) == ("Cancel", "Abbrechen")


async def test_the_way_back_to_the_shots_knows_its_storyboard() -> None:
    assert await click(EditShotsButton(12).custom_id) == [("shots", 12)]


@pytest.mark.parametrize(
    "forged",
    [
        "consent:1:",
        "consent:1:makeapprove",
        "consent:1:approve:2",
        "consent:\u0661:approve",
        "storyboard:1",
        "clip:1:",
        "clip:1:again2",
        "clip:-1:delete",
        "job:1:cancel2",
        "job:-1:cancel",
        "job::cancel",
        "offer:1:refuse",
        "job:" + "9" * 19 + ":cancel",
        "job:1:cancel\n",
    ],
)
def test_other_ids_are_no_buttons_of_ours(forged: str) -> None:
    assert not [kind for kind in EVERY if re.fullmatch(kind.__discord_ui_compiled_template__, forged)]


def test_a_row_has_a_button_per_remedy_in_order() -> None:
    row = fit_row(3, (Fit.CROP, Fit.ENLARGE))
    described: Any = row.to_component_dict()
    assert [item["custom_id"] for item in described["components"]] == ["offer:3:crop", "offer:3:enlarge"]
