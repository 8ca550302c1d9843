"""Composing: the modal of Animate and Edit, with a prompt and what is chosen most often."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import discord
from discord import ui

from bot.domain.begun import Begun
from bot.domain.catalogue import Catalogue
from bot.domain.flags import read
from bot.domain.requests import Options, Quality, Task, camera_control
from bot.language import marked, tr, trn
from bot.media.errors import PictureTooBig
from bot.services.generation import Generation
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.ui.buttons import NumberedButton
from bot.ui.cards import MOVES
from bot.ui.modals import Choice, File, Given, Option, Sheet, Text
from bot.ui.options import SIZES, model_meant, wanted
from bot.ui.storyboard import Storyboards
from bot.ui.written import Asks, Interaction, Writing

MAX_TEXT = 2700
"""A full prompt and some flags."""
MAX_LENGTHS = 25
_NONE = "-"

_PROMPT = Text(
    "prompt",
    marked("What should happen"),
    marked("Flags such as --negative, --model or --draft are understood here too."),
    MAX_TEXT,
    is_required=False,
)
_DURATION = Choice("duration", marked("Duration"), marked("Not every model makes every length."))
_QUALITY = Choice("quality", marked("Quality"), marked("How fine the picture is; finer costs more."))
_CAMERA = Choice("camera", marked("Camera"), marked("How it moves; say --camera zoom -5 for how far."))
_END_FRAME = File(
    "picture", marked("End frame"), marked("A picture that the clip should end on, if you want one.")
)
_INSTEAD = File(
    "picture", marked("Another picture"), marked("To start from, in place of the one that it was made of.")
)
_FIRST = (_PROMPT, _DURATION, _QUALITY, _CAMERA)

NEW = Sheet(about="compose", title=marked("Animate"), fields=(*_FIRST, _END_FRAME))
EDIT = Sheet(about="compose", title=marked("Edit and make again"), fields=(*_FIRST, _INSTEAD))
"""Both are taken by the same number: that of what was begun."""


class Desk(Protocol):
    """What the button leads to; the client holds one as `desk`."""

    compose: "Composer"


class EditPromptButton(NumberedButton, about="compose", does={"edit": marked("Edit it")}):
    """Opens the modal again with what was written."""

    style = discord.ButtonStyle.primary

    async def callback(self, interaction: Interaction) -> None:
        """Show the modal."""
        desk: Desk = interaction.client.desk
        await desk.compose.reopen(interaction, self.number)


class Composer(Writing):
    """Asks for a prompt and the most common options, and takes them."""

    def __init__(
        self,
        generation: Generation,
        catalogue: Catalogue,
        storyboards: Storyboards,
        *,
        ask: Asks,
        ensure_wanted: Callable[[Interaction, Options, int | None], Awaitable[None]],
        before_all_else: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__(generation, ask=ask, before_all_else=before_all_else)
        self._catalogue = catalogue
        self._ensure_wanted = ensure_wanted
        self._storyboards = storyboards

    async def ensure_wanted(self, interaction: Interaction, from_job_id: int | None = None) -> None:
        """Refuse, before anything is written, where the server wants no clips or none could be posted.

        `from_job_id`: the job that it is to come out of, if it is.

        Raises:
            Refused: with the words for it.
        """
        await self._ensure_wanted(interaction, Options(), from_job_id)  # words may yet be changed

    async def open(self, interaction: Interaction, begun: Begun) -> None:
        """Answer with the modal that suits what was begun.

        Raises:
            Refused: instead of the modal.
        """
        await self.ensure_wanted(interaction, begun.from_job_id)
        if begun.options.shots:
            await self._storyboards.open(interaction, begun)
        else:
            await super().open(interaction, begun)

    def modal(self, number: int, begun: Begun) -> ui.Modal:
        """The modal, filled in."""
        given: dict[str, Given] = {
            "prompt": begun.text,
            "duration": self._durations(begun.options.duration_s),
            "quality": _qualities(begun.options.quality),
            "camera": _cameras(begun.options),
        }
        return _sheet(begun).modal(number, given)

    def text_in(self, interaction: Interaction) -> str:
        """The prompt with its flags."""
        return NEW.text_in(interaction, "prompt")

    def written(self, interaction: Interaction, begun: Begun) -> Begun:
        """What was begun, with what was written, chosen and uploaded."""
        options = begun.options
        camera, quality = NEW.choice_in(interaction, "camera"), NEW.choice_in(interaction, "quality")
        duration = NEW.choice_in(interaction, "duration")
        kept = options.camera if options.camera and options.camera.move == camera else None
        changed: dict[str, Any] = {
            "camera": kept or camera_control(None if camera in (None, _NONE) else camera, None),
            "quality": None if quality in (None, _NONE) else Quality(quality),
            "duration_s": int(duration) if duration else options.duration_s,
        }
        written: dict[str, Any] = {
            "text": self.text_in(interaction),
            "options": Options.model_validate({**dict(options), **changed}),
        }
        if (found := NEW.file_in(interaction, "picture")) and found.size_bytes <= MAX_PICTURE_BYTES:
            written["image_url" if begun.relation == "edit" else "end_frame_url"] = found.url
        return begun.model_copy(update=written)

    def ensure_files(self, interaction: Interaction) -> None:
        """Refuse a picture that is too large."""
        found = NEW.file_in(interaction, "picture")
        if found and found.size_bytes > MAX_PICTURE_BYTES:
            raise PictureTooBig(size_bytes=found.size_bytes, max_bytes=MAX_PICTURE_BYTES)

    def options(self, begun: Begun) -> Options:
        """What was chosen; flags have the last word."""
        without = begun.options.model_copy(update={"prompt": ""})
        return self.chosen(begun.model_copy(update={"options": without}))

    def chosen(self, begun: Begun) -> Options:
        """The same, where a text without a prompt leaves the one that there was.

        Raises:
            FlagsUnclear, ValidationError: it cannot be made sense of.
        """
        flagged = read(begun.text)
        chosen = dict(flagged.chosen)
        if isinstance(model := chosen.get("model"), str):
            chosen["model"] = model_meant(self._models(begun), model)
        return wanted(begun.options, **chosen, prompt=flagged.prompt)

    def again(self, number: int) -> NumberedButton:
        """The way back to what was written."""
        return EditPromptButton(number)

    def _models(self, begun: Begun) -> list[Any]:
        is_edit = begun.from_job_id is not None and begun.image_url is None
        task = Task.IMAGE_TO_VIDEO
        return [spec for spec in self._catalogue.specs if is_edit or task in spec.tasks]

    def _durations(self, chosen_s: int) -> list[Option]:
        lengths_s = sorted({*self._catalogue.lengths_s[: MAX_LENGTHS - 1], chosen_s})
        return [
            Option(str(length_s), trn("{number} second", "{number} seconds", length_s), length_s == chosen_s)
            for length_s in lengths_s
        ]


def _sheet(begun: Begun) -> Sheet:
    return EDIT if begun.relation == "edit" else NEW


def _qualities(chosen: Quality | None) -> list[Option]:
    named = [Option(one.value, f"{one} ({size})", one == chosen) for one, size in SIZES.items()]
    return [Option(_NONE, tr("As usual"), chosen is None), *named]


def _cameras(options: Options) -> list[Option]:
    chosen = options.camera and options.camera.move
    moves = [Option(move.value, tr(words), move == chosen) for move, words in MOVES.items()]
    return [Option(_NONE, tr("As the prompt says"), chosen is None), *moves]
