"""What a person is told."""

from bot.media.errors import Fit
from bot.ui.answers import Answer, shown
from bot.ui.buttons import fit_row


async def test_an_answer_leaves_nothing_waiting_in_the_process() -> None:
    for said in (Answer("Done."), Answer("Which?", fit_row(7, [Fit.CROP]))):
        view = shown(said)
        assert view.is_finished()
        assert view.to_components()
