from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import ui

from bot.domain.begun import Begun, Candidate, edit_of, extension_of
from bot.domain.requests import CameraControl, CameraMove, Options, Quality, Shot
from bot.media.errors import PictureTooBig
from bot.sandbox.rules import violations
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.ui.choices import begun_with, picture_view, question_view
from bot.ui.compose import EDIT, MAX_TEXT, NEW, Composer, EditPromptButton
from bot.ui.errors import view_of
from bot.ui.pictures import Found
from bot.ui.shots import ShotsUnclear
from bot.ui.written import NotTaken
from tests import builders
from tests.discord_payloads import CALLBACK
from tests.ui.conftest import buttons, everything_said, make_job, refusals

URL = "https://cdn.discordapp.com/attachments/1/2/a.png"
NOBODY: Any = None


@pytest.fixture
def composer() -> Composer:
    catalogue: Any = SimpleNamespace(lengths_s=tuple(range(1, 40)), specs=())
    return Composer(NOBODY, catalogue, NOBODY, ask=NOBODY, ensure_wanted=NOBODY, before_all_else=NOBODY)


def fields(modal: dict[str, Any]) -> dict[str, Any]:
    return {label["component"]["custom_id"]: label["component"] for label in modal["components"]}


def chosen(field: dict[str, Any]) -> list[str]:
    return [option["value"] for option in field["options"] if option.get("default")]


BEGUN = Begun(image_url=URL)
FILLED = Begun(
    text="x" * MAX_TEXT,
    options=Options(
        duration_s=47, quality=Quality.PRO, camera=CameraControl(move=CameraMove.ROLL, amount=-2)
    ),
    from_job_id=3,
    relation="edit",
)


@pytest.mark.parametrize("begun", [BEGUN, FILLED])
def test_the_modal_is_as_discord_takes_it(composer: Composer, begun: Begun) -> None:
    body: dict[str, Any] = {"type": 9, "data": composer.modal(12, begun).to_dict()}
    assert violations("POST", CALLBACK, body, []) == []
    assert body["data"]["custom_id"] == "compose:12"


def test_the_modal_is_filled_in(composer: Composer) -> None:
    found = fields(composer.modal(12, FILLED).to_dict())
    assert found["prompt"]["value"] == "x" * MAX_TEXT
    assert [chosen(found[name]) for name in ("duration", "quality", "camera")] == [["47"], ["pro"], ["roll"]]
    empty = fields(composer.modal(12, BEGUN).to_dict())
    assert [chosen(empty[name]) for name in ("duration", "quality", "camera")] == [["5"], ["-"], ["-"]]


def submitted(**answers: Any) -> Any:
    files = answers.pop("files", {})
    components: list[Any] = [
        {
            "type": 18,
            "component": {"custom_id": name, **({"value": one} if name == "prompt" else {"values": one})},
        }
        for name, one in answers.items()
    ]
    return SimpleNamespace(
        type=discord.InteractionType.modal_submit,
        data={
            "custom_id": "compose:12",
            "components": [{"type": 10}, *components],
            "resolved": {"attachments": files},
        },
    )


def test_what_was_written_and_chosen_is_taken(composer: Composer) -> None:
    sent = submitted(prompt="a boat", duration=["10"], quality=["4k"], camera=["zoom"], picture=[])
    begun = composer.written(sent, BEGUN)
    options = composer.options(begun)
    assert (options.prompt, options.duration_s, options.quality) == ("a boat", 10, Quality.UHD)
    assert options.camera == CameraControl(move=CameraMove.ZOOM, amount=5)
    assert begun.image_url == URL


def test_what_was_chosen_before_stays_and_an_emptied_prompt_is_empty(composer: Composer) -> None:
    before = FILLED.model_copy(update={"options": FILLED.options.model_copy(update={"prompt": "a boat"})})
    sent = submitted(prompt="", duration=["47"], quality=["pro"], camera=["roll"], picture=[])
    assert composer.options(composer.written(sent, before)) == FILLED.options
    sent = submitted(prompt="", duration=["47"], quality=["-"], camera=["-"], picture=[])
    options = composer.options(composer.written(sent, before))
    assert (options.quality, options.camera) == (None, None)


def test_a_modal_that_comes_back_without_its_fields_changes_nothing_else(composer: Composer) -> None:
    begun = composer.written(submitted(), BEGUN)
    assert composer.options(begun) == Options()


def test_flags_have_the_last_word(composer: Composer) -> None:
    sent = submitted(
        prompt="a boat --duration 8 --quality std", duration=["10"], quality=["pro"], camera=["-"]
    )
    options = composer.options(composer.written(sent, BEGUN))
    assert (options.prompt, options.duration_s, options.quality) == ("a boat", 8, Quality.STD)


@pytest.mark.parametrize(("relation", "field"), [(None, "end_frame_url"), ("edit", "image_url")])
def test_an_upload_is_the_end_frame_or_takes_the_place_of_the_picture(
    composer: Composer, relation: Any, field: str
) -> None:
    sent = submitted(prompt="a boat", picture=["5"], files={"5": {"url": "https://cdn/5", "size": 9}})
    begun = composer.written(sent, Begun(relation=relation))
    assert getattr(begun, field) == "https://cdn/5"
    composer.ensure_files(sent)


def test_an_upload_that_is_too_large_is_refused(composer: Composer) -> None:
    sent = submitted(picture=["5"], files={"5": {"url": "https://cdn/5", "size": MAX_PICTURE_BYTES + 1}})
    assert composer.written(sent, BEGUN).end_frame_url is None
    with pytest.raises(PictureTooBig):
        composer.ensure_files(sent)


def test_both_modals_are_taken_by_one_number() -> None:
    assert NEW.about == EDIT.about
    assert [field.name for field in NEW.fields] == [field.name for field in EDIT.fields]


@pytest.mark.parametrize("text", ["", "x" * MAX_TEXT, "`" * MAX_TEXT, "\u202e\n" * 1000])
async def test_whatever_was_written_fits_the_answer(text: str) -> None:
    view = view_of(NotTaken(ShotsUnclear("x" * 600), text, again=EditPromptButton(12)))
    assert refusals(view) == []
    assert len(everything_said(view)) <= 4000
    assert buttons(view) == ["Edit it"]


@pytest.mark.parametrize("count", [2, 5, 6, 10])
async def test_the_pictures_to_choose_from_are_as_discord_takes_them(count: int) -> None:
    begun = Begun(choices=tuple(Candidate(url=f"{URL}?{n}", is_spoiler=n == 1) for n in range(count)))
    view = picture_view(12, begun)
    assert refusals(view) == []
    assert buttons(view) == [str(number) for number in range(1, count + 1)]


async def test_each_picture_has_its_button_right_under_it() -> None:
    begun = Begun(choices=tuple(Candidate(url=f"{URL}?{n}") for n in range(3)))
    _, *shown = picture_view(12, begun).children
    for place, (gallery, row) in enumerate(zip(shown[::2], shown[1::2], strict=True)):
        assert isinstance(gallery, ui.MediaGallery)
        assert isinstance(row, ui.ActionRow)
        assert [item.media.url for item in gallery.items] == [f"{URL}?{place}"]
        assert [getattr(item, "item").label for item in row.children] == [f"{place + 1}"]  # noqa: B009 - of a dynamic item


@pytest.mark.parametrize("text", ["", "haha! @everyone ```", "x" * 2500])
async def test_the_question_does_not_repeat_the_words(text: str) -> None:
    view = question_view(12, Begun(text=text))
    assert refusals(view) == []
    assert buttons(view) == ["Continue the clip", "Never mind"]
    assert ("with your words" in everything_said(view)) is bool(text)
    assert "haha" not in everything_said(view)


async def test_only_what_costs_credits_is_said_to() -> None:
    assert "That costs credits." in everything_said(question_view(12, Begun()))
    assert "credits" not in everything_said(question_view(12, Begun(options=Options(draft=True))))


def test_what_is_too_large_is_not_offered_and_alone_it_is_refused() -> None:
    small, large = Found(URL, 5), Found(f"{URL}2", MAX_PICTURE_BYTES + 1)
    assert begun_with((small, large)) == Begun(image_url=URL)
    assert begun_with(()) is None
    with pytest.raises(PictureTooBig):
        begun_with((large,))


def test_a_hidden_picture_makes_a_hidden_clip() -> None:
    begun = begun_with((Found(URL, 5, is_spoiler=True),))
    assert begun is not None
    assert begun.options.spoiler


def test_a_job_is_edited_as_it_was_asked() -> None:
    request = builders.request(prompt="say --draft aloud", quality="pro")
    begun = edit_of(make_job(id=3, request=request))
    assert (begun.text, begun.options.quality, begun.from_job_id) == (r"say \--draft aloud", "pro", 3)
    shots = (Shot(prompt="a boat", duration_s=2), Shot(prompt="a wave", duration_s=3))
    assert edit_of(make_job(request=builders.request(shots=shots))).text == "2 | a boat\n3 | a wave"


def test_a_clip_goes_on_in_the_shape_of_its_last_frame_and_in_one_shot() -> None:
    shots = (Shot(prompt="a boat", duration_s=2), Shot(prompt="a wave", duration_s=3))
    begun = extension_of(make_job(id=3, request=builders.request(shots=shots, aspect="1:1")))
    assert (begun.options.shots, begun.options.aspect, begun.relation) == ((), None, "extend")
