from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands
from pydantic import ValidationError

from bot.domain.requests import Aspect, CameraMove, CameraPreset, Options, Point, Quality
from bot.sandbox.rules import violations
from bot.ui.options import model_meant, wanted
from cogs.animate import Animate
from cogs.motion import Motion
from cogs.storyboard import Storyboard
from cogs.video import Video
from tests.discord_payloads import COMMANDS

COMMON = (
    "model", "duration", "quality", "aspect", "negative", "guidance", "camera", "camera_amount",
    "sound", "voices", "provider", "watermark", "draft", "spoiler",
)  # fmt: skip
NUMBERED = [name for number in range(1, 7) for name in (f"mask{number}", f"path{number}")]
TEXT, INTEGER, BOOLEAN, NUMBER, ATTACHMENT = 3, 4, 5, 10, 11


class Desk:
    def __init__(self) -> None:
        self.asked: list[tuple[Options, dict[str, Any]]] = []

    async def ask(self, _interaction: object, wanted: Options, **pictures: Any) -> None:
        self.asked.append((wanted, pictures))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def tree(desk: Desk) -> app_commands.CommandTree[Any]:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    bot: Any = SimpleNamespace(desk=desk)
    for cog in (Animate(bot), Video(bot), Motion(bot), Storyboard(bot)):
        for command in cog.get_app_commands():
            tree.add_command(command)
    return tree


@pytest.fixture
def described(tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
    return {command.name: command.to_dict(tree) for command in tree.get_commands()}


def test_the_commands_are_as_discord_takes_them(described: dict[str, Any]) -> None:
    assert violations("PUT", COMMANDS, list(described.values()), []) == []


def test_the_options_are_those_promised_in_an_order_that_makes_sense(described: dict[str, Any]) -> None:
    names = {name: [one["name"] for one in command["options"]] for name, command in described.items()}
    assert names == {
        "animate": ["image", "prompt", "end_frame", *COMMON],
        "video": ["prompt", *COMMON],
        "motion": [
            "image", "prompt", "still_mask", *NUMBERED, "end_frame",
            "model", "duration", "quality", "negative", "guidance", "provider", "watermark", "draft", "spoiler",
        ],
        "storyboard": [
            "image", "end_frame",
            "model", "quality", "negative", "guidance", "sound", "voices", "provider", "watermark", "spoiler",
        ],
    }  # fmt: skip


def test_only_what_cannot_be_left_out_is_required(described: dict[str, Any]) -> None:
    needed = {
        name: [one["name"] for one in command["options"] if one.get("required")]
        for name, command in described.items()
    }
    assert needed == {"animate": ["image"], "video": ["prompt"], "motion": ["image"], "storyboard": ["image"]}


@pytest.mark.parametrize("command", ["animate", "video"])
def test_each_option_has_its_type_its_bounds_and_its_words(described: dict[str, Any], command: str) -> None:
    options = {one["name"]: one for one in described[command]["options"]}
    kinds = {name: one["type"] for name, one in options.items() if name in COMMON}
    assert kinds == {
        "model": TEXT, "duration": INTEGER, "quality": TEXT, "aspect": TEXT, "negative": TEXT, "guidance": NUMBER,
        "camera": TEXT, "camera_amount": NUMBER, "sound": BOOLEAN, "voices": TEXT, "provider": TEXT,
        "watermark": BOOLEAN, "draft": BOOLEAN, "spoiler": BOOLEAN,
    }  # fmt: skip
    assert (options["prompt"]["min_length"], options["prompt"]["max_length"]) == (1, 2500)
    assert (options["camera_amount"]["min_value"], options["camera_amount"]["max_value"]) == (-10, 10)
    assert (options["guidance"]["min_value"], options["guidance"]["max_value"]) == (0, 1)
    assert [one["value"] for one in options["quality"]["choices"]] == list(Quality)
    assert [one["value"] for one in options["aspect"]["choices"]] == list(Aspect)
    assert [one["value"] for one in options["camera"]["choices"]] == [*CameraMove, *CameraPreset]
    assert {name for name, one in options.items() if one.get("autocomplete")} == {
        "model",
        "provider",
        "duration",
    }
    assert all(len(one["description"]) > 5 for one in options.values())


def test_pictures_are_attachments(described: dict[str, Any]) -> None:
    attached = {
        name: [one["name"] for one in command["options"] if one["type"] == ATTACHMENT]
        for name, command in described.items()
    }
    assert attached == {
        "animate": ["image", "end_frame"],
        "video": [],
        "motion": ["image", "still_mask", *NUMBERED[::2], "end_frame"],
        "storyboard": ["image", "end_frame"],
    }


@pytest.mark.parametrize("command", ["motion", "storyboard"])
def test_a_command_with_some_of_the_options_has_their_choices_and_suggestions(
    described: dict[str, Any], command: str
) -> None:
    options = {one["name"]: one for one in described[command]["options"]}
    assert [one["value"] for one in options["quality"]["choices"]] == list(Quality)
    assert {"model", "provider"} <= {name for name, one in options.items() if one.get("autocomplete")}
    assert all(len(one["description"]) > 5 for one in options.values())


async def used(tree: app_commands.CommandTree[Any], name: str, **given: Any) -> None:
    """Call a command as discord.py does: with every parameter, its default where nothing was chosen."""
    command: Any = tree.get_command(name)
    usual = {one.name: one.default for one in command.parameters if one.default is not discord.utils.MISSING}
    interaction: Any = SimpleNamespace()
    await command._do_call(interaction, {**usual, **given})


async def test_what_nobody_chose_is_the_usual(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    await used(tree, "video", prompt=" a boat ")
    assert desk.asked == [(Options(prompt="a boat"), {})]


async def test_what_was_chosen_arrives_as_one_value(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    picture, end = object(), object()
    await used(
        tree, "animate", image=picture, end_frame=end, prompt="a boat", model="m", duration=10, quality="pro",
        aspect="9:16", negative="rain", guidance=0.0, camera="pan", camera_amount=-2.0, sound=True,
        voices=" anna , ,ben,", provider="local", watermark=True, draft=True, spoiler=True,
    )  # fmt: skip
    wanted, pictures = desk.asked[0]
    assert pictures == {"image": picture, "end_frame": end}
    assert wanted.model_dump(mode="json") == {
        "prompt": "a boat", "negative_prompt": "rain", "provider": "local", "model": "m", "duration_s": 10,
        "quality": "pro", "aspect": "9:16", "guidance": 0.0, "camera": {"move": "pan", "amount": -2.0},
        "sound": True, "voices": ["anna", "ben"], "shots": [], "watermark": True, "draft": True, "spoiler": True,
    }  # fmt: skip


async def test_masks_and_paths_arrive_together(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    picture, still, mask = object(), object(), object()
    await used(
        tree, "motion", image=picture, prompt="it sails", still_mask=still, mask3=mask, path3="1,2 3,4", duration=5
    )  # fmt: skip
    [(wanted, brought)] = desk.asked
    assert wanted == Options(prompt="it sails")
    assert (brought["image"], brought["motion"].still) == (picture, still)
    assert brought["motion"].moving == ((mask, (Point(x=1, y=2), Point(x=3, y=4))),)


async def test_a_picture_needs_no_words(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    await used(tree, "animate", image=object())
    assert desk.asked[0][0] == Options()


@pytest.mark.parametrize(
    "wrong", [{"camera_amount": 5.0}, {"camera": "pan", "camera_amount": 0.0}, {"voices": "a,b,c"}]
)
async def test_options_that_contradict_each_other_are_refused(
    tree: app_commands.CommandTree[Any], desk: Desk, wrong: dict[str, Any]
) -> None:
    with pytest.raises(app_commands.CommandInvokeError) as error:
        await used(tree, "video", prompt="a boat", **wrong)
    assert isinstance(error.value.original, ValidationError)
    assert desk.asked == []


def test_nothing_chosen_leaves_what_there_was() -> None:
    before = Options(prompt="a boat", duration_s=10, sound=True)
    assert wanted(before, prompt="", duration=None, quality=None, voices="") == before
    assert wanted(before, prompt=" a tree ", duration=5, sound=False) == Options(prompt="a tree")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kling-v2-1", "kling-v2-1"),
        ("v2.1", "kling-v2-1"),
        ("Kling 2.1", "kling-v2-1"),
        ("2-1 master", "kling-v2-1-master"),
        ("V3", "kling-v3"),
        ("1", "1"),
        ("master", "master"),
        ("", ""),
        ("...", "..."),
        ("sora", "sora"),
    ],
)
def test_a_model_may_be_named_by_the_end_of_its_name(typed: str, meant: str) -> None:
    names = {
        "kling-v2-1": "Kling 2.1",
        "klingai/v2.1": "Kling 2.1",
        "kling-v2-1-master": "Kling 2.1 Master",
        "kling-v2-master": "Kling 2.0 Master",
        "kling-v3": "Kling 3.0",
        "kling-v1": "Kling 1.1",
    }
    specs: Any = [SimpleNamespace(id=one, name=name) for one, name in names.items()]
    assert model_meant(specs, typed) == meant
