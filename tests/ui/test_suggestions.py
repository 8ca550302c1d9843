import math
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.app_commands import Namespace
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import USUAL, Catalogue, Routing
from bot.domain.models import ModelSpec, used_by
from bot.domain.requests import Aspect, CameraMove, CameraPreset, Quality, Task, VideoRequest
from bot.sandbox.rules import violations
from bot.ui.suggestions import (
    duration_choices,
    durations,
    model_choices,
    models,
    provider_choices,
    providers,
    so_far,
)
from cogs.animate import Animate
from cogs.motion import Motion
from cogs.storyboard import Storyboard
from cogs.video import Video
from tests.discord_payloads import CALLBACK

ANIMATE = ["image", "prompt", "end_frame", "model", "duration", "quality", "camera"]
VIDEO = ["prompt", "model", "duration"]
MOTION = ["image", "prompt", "still_mask", "mask1", "path1", "model"]
STORYBOARD = ["image", "end_frame", "model"]


def row(**known: Any) -> ModelSpec:
    usual: dict[str, Any] = {
        "provider": "kling",
        "id": "kling-v9",
        "name": "Kling 9",
        "tasks": list(Task),
        "qualities": ["std", "pro"],
        "durations_s": [5, 10],
        "parameters": ["prompt", "end_frame", "camera", "sound"],
        "price": {"per_second": {"std": 1, "pro": 2, "pro+sound": 4}},
    }
    return ModelSpec.model_validate(usual | known)


def catalogue(*rows: ModelSpec) -> Catalogue:
    return Catalogue(rows, providers=tuple(dict.fromkeys(one.provider for one in rows)), drafts_by="local")


def named(choices: list[app_commands.Choice[Any]]) -> list[tuple[str, Any]]:
    return [(one.name, one.value) for one in choices]


KLING = row()
SORA = row(provider="sora", id="sora-1", name="Sora", parameters=["prompt"], durations_s=[5, 12])
LOCAL = row(provider="local", id="local-camera", name="The local renderer", parameters=["prompt", "camera"])


# ---- the request as far as it has been typed ---------------------------------------------------------------------


def test_nothing_typed_is_the_usual_request() -> None:
    request = so_far({}, ANIMATE)
    assert request.task is Task.IMAGE_TO_VIDEO
    assert (request.duration_s, request.quality, request.provider, used_by(request)) == (
        5,
        None,
        None,
        ["prompt"],
    )
    assert so_far({}, VIDEO).task is Task.TEXT_TO_VIDEO


def test_everything_typed_is_in_the_request() -> None:
    given: dict[str, object] = {
        "provider": "kling", "model": "kling-v9", "duration": 10, "quality": "pro", "aspect": "9:16",
        "negative": "rain", "guidance": 0.0, "camera": "pan", "camera_amount": -3.0, "sound": True,
        "voices": "anna, ben", "watermark": True, "draft": True, "end_frame": discord.Object(1), "spoiler": True,
    }  # fmt: skip
    request = so_far(given, ANIMATE)
    assert (request.provider, request.model, request.duration_s) == ("kling", "kling-v9", 10)
    assert (request.quality, request.aspect, request.draft) == (Quality.PRO, Aspect.TALL, True)
    assert request.camera
    assert (request.camera.move, request.camera.amount) == (CameraMove.PAN, -3.0)
    assert set(used_by(request)) == {
        "prompt", "negative_prompt", "end_frame", "guidance", "camera", "sound", "voices", "watermark",
    }  # fmt: skip


def test_what_a_command_is_sure_to_ask_for_stands_in() -> None:
    assert used_by(so_far({}, MOTION)) == ["prompt", "motion"]
    assert used_by(so_far({"end_frame": object()}, STORYBOARD)) == ["end_frame", "shots"]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"duration": 0}, {"duration": 9999}, {"duration": ""}, {"duration": "5 s"}, {"quality": "ultra"},
        {"aspect": "4:3"}, {"guidance": math.nan}, {"guidance": "x"}, {"camera": "spin"}, {"camera_amount": 5.0},
        {"provider": "kling; drop"}, {"model": "the best one"}, {"voices": " , "}, {"negative": " "}, {"sound": "?"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_yet_is_left_out(nonsense: dict[str, object]) -> None:
    assert so_far(nonsense, ANIMATE) == so_far({}, ANIMATE)


def test_a_camera_whose_amount_makes_no_sense_moves_as_usual() -> None:
    for amount in (None, math.nan, 0.0, 99.0, "x"):
        camera = so_far({"camera": "pan", "camera_amount": amount}, VIDEO).camera
        assert camera
        assert (camera.move, camera.amount) == (CameraMove.PAN, 5.0)
    preset = so_far({"camera": "forward_up", "camera_amount": 3.0}, VIDEO).camera
    assert preset
    assert (preset.move, preset.amount) == (CameraPreset.FORWARD_UP, None)


def test_voices_bring_their_sound() -> None:
    assert so_far({"voices": "anna"}, VIDEO).sound


_NAMES = st.sampled_from(
    [
        "model", "duration", "quality", "aspect", "negative", "guidance", "camera", "camera_amount", "sound", "voices",
        "provider", "watermark", "draft", "image", "end_frame", "mask1", "path1", "prompt", "nobody_knows",
    ]
)  # fmt: skip
_VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(discord.Object(1))
    | st.sampled_from(["kling", "sora-1", "pan", "forward_up", "pro", "4k", "1:1", 5, 10, 0.5])
)  # fmt: skip


@given(
    given_=st.dictionaries(_NAMES, _VALUES),
    parameters=st.sampled_from([ANIMATE, VIDEO, MOTION, STORYBOARD, []]),
    typed=st.text(),
)
def test_half_typed_nonsense_is_never_more_than_nothing_to_suggest(
    given_: dict[str, object], parameters: list[str], typed: str
) -> None:
    known = catalogue(KLING, SORA, LOCAL)
    request = so_far(given_, parameters)
    for choices in (
        model_choices(known, typed, request),
        provider_choices(known, typed, request),
        duration_choices(known, typed, request),
    ):
        data = {"type": 8, "data": {"choices": [one.to_dict() for one in choices]}}
        assert violations("POST", CALLBACK, data, []) == []


# ---- models ------------------------------------------------------------------------------------------------------


def models_for(known: Catalogue, typed: str = "", **given: object) -> list[tuple[str, Any]]:
    return named(model_choices(known, typed, so_far(given, ANIMATE)))


def test_a_model_is_suggested_with_the_price_of_exactly_that_request() -> None:
    known = catalogue(KLING)
    assert models_for(known) == [("Kling 9 · 5 credits (kling, std, 5 s)", "kling-v9")]
    assert models_for(known, duration=10, quality="pro") == [
        ("Kling 9 · 20 credits (kling, pro, 10 s)", "kling-v9")
    ]
    assert models_for(known, sound=True, quality="pro") == [
        ("Kling 9 · 20 credits (kling, pro, 5 s)", "kling-v9")
    ]


def test_only_models_that_can_make_the_request_are_suggested() -> None:
    known = catalogue(KLING, SORA)
    assert [value for _, value in models_for(known)] == ["kling-v9", "sora-1"]
    assert [value for _, value in models_for(known, end_frame=object())] == ["kling-v9"]
    assert [value for _, value in models_for(known, duration=12)] == ["sora-1"]
    assert [value for _, value in models_for(known, provider="sora")] == ["sora-1"]


def test_the_quality_shown_is_the_one_it_would_be_made_in() -> None:
    [(label, _)] = models_for(catalogue(row(only={"end_frame": ["pro"]})), end_frame=object())
    assert label == "Kling 9 · 10 credits (kling, pro, 5 s)"


def test_a_model_of_several_providers_is_suggested_once_as_the_one_that_would_be_taken() -> None:
    dear = row(provider="kkiai", price={"per_second": {"std": 3, "pro": 4}, "estimated": True})
    assert models_for(catalogue(KLING, dear)) == [("Kling 9 · 5 credits (kling, std, 5 s)", "kling-v9")]
    assert models_for(catalogue(KLING, dear), provider="kkiai") == [
        ("Kling 9 · ≈ 15 credits (kkiai, std, 5 s)", "kling-v9")
    ]


def test_what_is_doubted_is_marked_and_what_is_free_is_called_so() -> None:
    [(label, _)] = models_for(catalogue(row(cautions={"end_frame": "Hm."})), end_frame=object())
    assert label.endswith("5 s) ⚠")
    assert models_for(catalogue(KLING, LOCAL), draft=True) == [
        ("The local renderer · free (local, std, 5 s)", "local-camera")
    ]


@pytest.mark.parametrize(("typed", "found"), [("", 2), ("KLI", 1), (" ling ", 1), ("nope", 0), ("sora", 1)])
def test_what_was_typed_is_looked_for_in_names(typed: str, found: int) -> None:
    known = catalogue(KLING, SORA)
    assert len(models_for(known, typed)) == found
    assert len(provider_choices(known, typed.strip(), so_far({}, ANIMATE))) == found


def test_a_model_that_cannot_says_why_and_choosing_it_names_a_model_that_exists() -> None:
    known = catalogue(KLING, SORA)
    why = ("✗ Sora does not take an end frame; leave it out.", "sora-1")
    assert models_for(known, "sora", end_frame=object()) == [why]
    assert models_for(known, duration=7) == [("✗ Kling 9 makes clips of 5 or 10 seconds, not 7.", "kling-v9")]
    assert models_for(known, "veo", duration=7) == []
    assert models_for(known, "sora", provider="kling", duration=7) == []
    assert models_for(catalogue(LOCAL), "kling", draft=True) == []


def test_no_more_is_suggested_than_discord_takes_and_the_price_is_never_cut_off() -> None:
    known = catalogue(
        *(row(provider="a" * 40 + str(number), id=f"model-{number}", name="x" * 60) for number in range(30))
    )
    request = so_far({}, ANIMATE)
    suggested = model_choices(known, "model", request)
    assert len(suggested) == len(provider_choices(known, "", request)) == 25
    assert all(len(one.name) <= 100 and "5 credits" in one.name for one in suggested)


# ---- providers and lengths ---------------------------------------------------------------------------------------


def test_only_providers_that_can_make_the_request_are_suggested_with_what_they_would_use() -> None:
    known = catalogue(KLING, row(id="second"), SORA)
    assert named(provider_choices(known, "", so_far({}, ANIMATE))) == [
        ("kling · Kling 9 · 5 credits", "kling"),
        ("sora · Sora · 5 credits", "sora"),
    ]
    assert [one.value for one in provider_choices(known, "", so_far({"camera": "pan"}, ANIMATE))] == ["kling"]
    assert provider_choices(known, "", so_far({"duration": 7}, ANIMATE)) == []


def test_lengths_are_suggested_that_a_model_at_hand_makes() -> None:
    known = catalogue(KLING, SORA)
    assert named(duration_choices(known, "", so_far({}, ANIMATE))) == [
        ("5 s · Kling 9 · 5 credits", 5),
        ("10 s · Kling 9 · 10 credits", 10),
        ("12 s · Sora · 12 credits", 12),
    ]
    assert [one.value for one in duration_choices(known, "1", so_far({}, ANIMATE))] == [10, 12]
    assert [one.value for one in duration_choices(known, "", so_far({"model": "sora-1"}, ANIMATE))] == [5, 12]
    assert duration_choices(known, "x", so_far({}, ANIMATE)) == []


# ---- in a command ------------------------------------------------------------------------------------------------


def typing(command: app_commands.Command[Any, ..., Any] | None, *options: dict[str, Any]) -> Any:
    """An interaction as discord.py hands it to an autocomplete callback."""
    interaction: Any = SimpleNamespace(_state=None, guild_id=1, guild=None)
    namespace = Namespace(interaction, {}, options)  # pyright: ignore[reportArgumentType] - dicts as they arrive

    async def wishes(guild_id: int) -> Routing:
        assert guild_id == 1
        return USUAL

    services = SimpleNamespace(catalogue=catalogue(KLING, SORA), routes=SimpleNamespace(wishes=wishes))
    client = SimpleNamespace(services=services)
    return SimpleNamespace(client=client, command=command, namespace=namespace, guild_id=1)


@pytest.fixture
async def commands() -> dict[str, app_commands.Command[Any, ..., Any]]:
    bot: Any = SimpleNamespace()
    cogs = (Animate(bot), Video(bot), Motion(bot), Storyboard(bot))
    return {
        one.name: one
        for cog in cogs
        for one in cog.get_app_commands()
        if isinstance(one, app_commands.Command)
    }


END_FRAME = {"name": "end_frame", "type": 11, "value": "77"}
HALF = {"name": "model", "type": 3, "value": "the be", "focused": True}


async def test_an_option_that_is_being_typed_does_not_restrict_itself(commands: dict[str, Any]) -> None:
    assert len(await models(typing(commands["video"], HALF), "")) == 2
    half = {"name": "provider", "type": 3, "value": "so", "focused": True}
    assert [one.value for one in await providers(typing(commands["video"], half), "so")] == ["sora"]
    half = {"name": "duration", "type": 4, "value": "1", "focused": True}
    assert [one.value for one in await durations(typing(commands["video"], half), "1")] == [10, 12]
    assert [one.value for one in await durations(typing(commands["video"], half), 12)] == [12]


async def test_a_picture_that_discord_has_only_announced_counts(commands: dict[str, Any]) -> None:
    assert [one.value for one in await models(typing(commands["animate"], HALF, END_FRAME), "")] == [
        "kling-v9"
    ]


async def test_a_command_for_painted_motion_or_shots_suggests_models_for_these(
    commands: dict[str, Any],
) -> None:
    for name, wanted in (("motion", "painted motion"), ("storyboard", "several shots")):
        [choice] = await models(typing(commands[name], HALF), "")
        assert choice.name == f"✗ Kling 9 does not take {wanted}; leave it out."


async def test_a_command_that_discord_py_does_not_know_suggests_for_text() -> None:
    assert len(await models(typing(None, HALF), "")) == 2


async def test_each_command_suggests_what_it_has_options_for(commands: dict[str, Any]) -> None:
    for command in commands.values():
        suggesting = {one.name for one in command.parameters if one.autocomplete}
        assert suggesting == {"model", "provider", "duration"} & {one.name for one in command.parameters}


def test_the_stand_ins_are_a_request() -> None:
    for parameters in (ANIMATE, VIDEO, MOTION, STORYBOARD):
        assert VideoRequest.model_validate_json(so_far({}, parameters).model_dump_json())


# ---- what a server prefers ---------------------------------------------------------------------------------------


def test_what_the_server_prefers_is_suggested_first_and_with_a_star() -> None:
    models_at_hand, wanted = catalogue(KLING, SORA, LOCAL), so_far({}, ANIMATE[:2])
    preferred = Routing(model="sora-1", quality=Quality.PRO)
    found = model_choices(models_at_hand, "", wanted, preferred)
    assert found[0].name.startswith("★ Sora · 10 credits (sora, pro, 5 s)")
    assert [choice.value for choice in found] == ["sora-1", "kling-v9", "local-camera"]
    assert "★" not in "".join(choice.name for choice in found[1:])
    assert "★" not in model_choices(models_at_hand, "", wanted, Routing())[0].name
    lengths = duration_choices(models_at_hand, "5", wanted, preferred)
    assert [choice.name for choice in lengths] == ["5 s · Sora · 10 credits"]
