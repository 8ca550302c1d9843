"""The models that come with Kinora, held against a survey of what the providers document.

The survey is `../shared/providers/capabilities.json` beside the repository; where it is absent, what rests on it is
skipped with the reason, and the rest still runs.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias, get_args

import pytest

from bot.domain.catalogue import Catalogue
from bot.domain.models import ModelSpec, Parameter, Price, can_make, cautions, fits
from bot.domain.requests import (
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Point,
    Quality,
    Shot,
    Stroke,
    Task,
    VideoRequest,
)
from bot.domain.rows import parse
from tests import builders

Row: TypeAlias = Mapping[str, Any]

SURVEY = Path(__file__).parents[3] / "shared" / "providers" / "capabilities.json"
needs_survey = pytest.mark.skipif(
    not SURVEY.exists(), reason="the survey is not at ../shared/providers/capabilities.json"
)

TEXT = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
SHIPPED = parse(TEXT, source="catalogue.toml")
HOSTED = [spec for spec in SHIPPED if spec.provider != "local"]
PROVIDERS = {
    "kling_official": "kling",
    "kkiai": "kkiai",
    "onemin": "onemin",
    "aimlapi": "aimlapi",
    "aimlapi_legacy": "aimlapi",
}


def surveyed() -> list[Row]:
    """The rows in scope; of two for one AI/ML API model, the one of the contract that is kept."""
    if not SURVEY.exists():
        return []
    rows = json.loads(SURVEY.read_text(encoding="utf-8"))["rows"]
    found = [row for row in rows if row["provider"] in PROVIDERS and row["task"] in tuple(Task)]
    legacy = {row["model_id"] for row in found if row["provider"] == "aimlapi_legacy"}
    return [row for row in found if row["provider"] != "aimlapi" or row["model_id"] not in legacy]


def name_of(row: Row) -> str:
    return f"{row['provider']} {row['model_id']} {row['task']}"


ROWS = {name_of(row): row for row in surveyed()}
each_row = pytest.mark.parametrize("name", ROWS or [pytest.param("", marks=needs_survey)])
each_spec = pytest.mark.parametrize(
    "spec", SHIPPED, ids=lambda spec: f"{spec.provider} {spec.id} {'+'.join(spec.tasks)}"
)


def spec_of(row: Row) -> ModelSpec:
    [found] = [
        spec
        for spec in SHIPPED
        if (spec.provider, spec.id) == (PROVIDERS[row["provider"]], row["model_id"])
        and row["task"] in spec.tasks
    ]
    return found


def using(
    spec: ModelSpec,
    parameters: Iterable[Parameter],
    *,
    quality: Quality | None = None,
    duration_s: int | None = None,
) -> VideoRequest:
    """A request that uses these and as little else as can be."""
    wanted, length_s = set(parameters) | set(spec.required), duration_s or spec.durations_s[0]
    point, picture = Point(x=1, y=1), builders.PICTURE
    needs_picture = wanted & {"end_frame", "motion"} or Task.TEXT_TO_VIDEO not in spec.tasks
    values: Mapping[str, tuple[str, object]] = {
        "prompt": ("prompt", "a boat"),
        "negative_prompt": ("negative_prompt", "rain"),
        "end_frame": ("end_frame", picture),
        "guidance": ("guidance", 0.5),
        "camera": ("camera", CameraControl(move=CameraMove.PAN, amount=1)),
        "camera_preset": ("camera", CameraControl(move=CameraPreset.DOWN_BACK)),
        "motion": ("motion", MotionBrush(moving=(Stroke(mask=picture, path=(point, point)),))),
        "sound": ("sound", True),
        "voices": ("voices", ("anna",)),
        "shots": ("shots", (Shot(prompt="a boat", duration_s=length_s),)),
        "watermark": ("watermark", True),
    }
    chosen = dict(values[one] for one in wanted)
    prompt = "" if needs_picture or "shots" in wanted else "a boat"
    usual = {"prompt": prompt, "image": picture if needs_picture else None, "sound": "voices" in wanted}
    return VideoRequest.model_validate({**usual, "duration_s": length_s, "quality": quality, **chosen})


def cells(spec: ModelSpec) -> Iterator[tuple[Quality, int]]:
    return ((quality, duration_s) for quality in spec.qualities for duration_s in spec.durations_s)


def works(spec: ModelSpec, one: Parameter, quality: Quality, duration_s: int) -> bool:
    return not fits(using(spec, [one], quality=quality, duration_s=duration_s), spec)


# ---- every row of the survey -------------------------------------------------------------------------------------


@needs_survey
def test_every_model_of_the_survey_is_there_and_no_other() -> None:
    there = {(spec.provider, spec.id, task) for spec in HOSTED for task in spec.tasks}
    assert there == {(PROVIDERS[row["provider"]], row["model_id"], row["task"]) for row in ROWS.values()}
    assert len(ROWS) == 79


@each_row
def test_lengths_and_shapes_are_as_surveyed(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    assert list(spec.durations_s) == [int(one) for one in row["durations"]]
    deprecated = any(one.startswith("aspect_ratio (deprecated") for one in row["params_supported"])
    assert list(spec.aspects) == ([] if deprecated else row["aspect_ratios"])


@each_row
def test_qualities_are_as_surveyed(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    if spec.provider == "aimlapi":
        is_std = "standard" in spec.id or "720p" in spec.id
        assert spec.qualities == ((Quality.STD,) if is_std else (Quality.PRO,))
    elif "-/5" in row["feature_matrix"].get("video_generation", ()):
        assert spec.qualities == (Quality.PRO,)
        assert (spec.wire.get("mode") == "omit") == (spec.provider == "kling")
    else:
        assert {one.value for one in spec.qualities} == set(row["modes"])


FIELDS: Mapping[str, tuple[Parameter, ...]] = {
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
    "cfg_scale": ("guidance",),
    "image_tail": ("end_frame",),
    "tail_image_url": ("end_frame",),
    "last_image_url": ("end_frame",),
    "static_mask": ("motion",),
    "static_mask_url": ("motion",),
    "dynamic_masks": ("motion",),
    "dynamic_masks[].mask": ("motion",),
    "dynamic_masks[].mask_url": ("motion",),
    "camera_control": ("camera", "camera_preset"),
    "advanced_camera_control": ("camera",),
    "camera_control_value": ("camera",),
    "sound": ("sound",),
    "generate_audio": ("sound",),
    "voice_list": ("voices",),
    "multi_prompt": ("shots",),
    "watermark_info": ("watermark",),
}
NOTHING_OF_OURS = {
    "model", "model_name", "mode", "version", "duration", "image", "image_url", "imageUrl", "aspect_ratio", "provider",
    "type", "callback_url", "external_task_id", "multi_shot", "shot_type", "camera_control_type", "elements",
    "element_list", "dynamic_masks[].trajectories", "ratio (deprecated)", "aspect_ratio (deprecated)",
}  # fmt: skip


def left_out(row: Row) -> set[Parameter]:
    """What a schema accepts and the rows leave out, because Kling itself has no such thing."""
    if row["provider"] == "aimlapi" and any(
        version in row["model_id"] for version in ("v1.6", "v2-", "v2.1")
    ):
        return {"motion", "camera", "camera_preset"}
    if "camera_control_simple" in row["feature_matrix"]:
        return {"camera_preset"}
    return set()


@each_row
def test_parameters_are_as_surveyed(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    offered = set(row["params_supported"])
    assert offered <= FIELDS.keys() | NOTHING_OF_OURS
    meant = {one for field in offered & FIELDS.keys() for one in FIELDS[field]}
    assert set(spec.parameters) == meant - left_out(row)


@each_row
def test_what_is_required_is_as_surveyed(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    if row["task"] == Task.IMAGE_TO_VIDEO:
        assert ("prompt" in spec.required) == ("prompt" in row["params_required"])
    else:
        assert spec.required == ()


FEATURES: Mapping[str, tuple[Parameter, ...]] = {
    "image_tail": ("end_frame",),
    "motion_brush": ("motion",),
    "camera_control": ("camera", "camera_preset"),
    "camera_control_simple": ("camera",),
    "sound": ("sound",),
    "voice_list": ("voices",),
    "multi_shot": ("shots",),
}


@each_row
def test_each_parameter_works_exactly_where_the_survey_says(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    for feature, places in row["feature_matrix"].items():
        for one in FEATURES.get(feature, ()):
            for quality, duration_s in cells(spec):
                is_named = bool({quality.value, f"{quality}/{duration_s}"} & set(places))
                assert works(spec, one, quality, duration_s) == is_named, (one, quality, duration_s)


@each_row
def test_kling_prices_are_as_published(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    if spec.provider != "kling":
        assert spec.price.estimated
        return
    published = row["price_units"]
    assert not spec.price.estimated
    assert spec.price.unit_credits == round(published["usd_per_unit"] * 100)
    prices = spec.price.per_clip if published["basis"] == "per_clip" else spec.price.per_second
    keys = {
        key.replace("-/", "pro/").replace("+voice", "+voices"): value
        for key, value in published["values"].items()
    }
    takes = {key: value for key, value in keys.items() if "+voices" not in key or "voices" in spec.parameters}
    assert {key: float(amount) for key, amount in prices.items()} == takes


@each_row
def test_what_kling_has_dropped_is_marked_there_and_only_there(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    assert (spec.retired is not None) == (spec.provider == "kling" and "retired" in row["lifecycle"])


Check: TypeAlias = Callable[[ModelSpec], None]


def refuses_together(*group: Parameter) -> Check:
    def check(spec: ModelSpec) -> None:
        quality = Quality.PRO if Quality.PRO in spec.qualities else spec.qualities[0]
        taken: list[Parameter] = [one for one in spec.parameters if one in group]
        for pair in combinations(taken, 2):
            if set(pair) != {"camera", "camera_preset"}:  # a request has one camera
                wanted = using(spec, pair, quality=quality, duration_s=5)
                assert any("takes only one of" in problem for problem in fits(wanted, spec)), pair

    return check


def doubts_an_end_frame_beside_motion(spec: ModelSpec) -> None:
    wanted = using(spec, ["end_frame", "motion"])
    assert fits(wanted, spec) == []
    assert any("not beside an end frame" in said for said in cautions(wanted, spec))


def takes_no_camera(spec: ModelSpec) -> None:
    assert not {"camera", "camera_preset"} & set(spec.parameters)


def is_pro_only(spec: ModelSpec) -> None:
    assert spec.qualities == (Quality.PRO,)


def has_sound_in_pro_only(spec: ModelSpec) -> None:
    assert not works(spec, "sound", Quality.STD, 5)
    assert works(spec, "sound", Quality.PRO, 5)


def wants_sound_for_voices(spec: ModelSpec) -> None:
    wanted = using(spec, ["voices"], quality=Quality.PRO).model_copy(update={"sound": False})
    assert fits(wanted, spec) == ["Voices need sound; switch sound on."]


def doubts_motion_beside_an_end_frame(spec: ModelSpec) -> None:
    """Its own documentation shows both in one request, so that it is not certainly refused."""
    wanted = using(spec, ["end_frame", "motion"], quality=Quality.PRO, duration_s=5)
    assert fits(wanted, spec) == []
    assert any("not beside an end frame" in caution for caution in cautions(wanted, spec))


def nothing_to_check(_: ModelSpec) -> None:
    """The form of a request sees to it: `bot.domain.requests`."""


EXCLUSIONS: Mapping[str, Check] = {
    "at most one of: image_tail | (static_mask": refuses_together("end_frame", "motion", "camera", "camera_preset"),
    "upstream rule (inferred): at most one of tail_image_url": refuses_together("end_frame", "motion", "camera", "camera_preset"),
    "upstream rule (inferred): tail_image_url and masks": doubts_motion_beside_an_end_frame,
    "image_tail only with sound=off": refuses_together("end_frame", "sound"),
    "tail_image_url not with generate_audio=true": refuses_together("end_frame", "sound"),
    "sound=on requires mode=pro": has_sound_in_pro_only,
    "voice_list (max 2) requires sound=on": wants_sound_for_voices,
    "mode must be pro": is_pro_only,
    "no camera_control_* for 1.5": takes_no_camera,
    "camera_control.type=simple needs config": nothing_to_check,
    "camera_control_value only when": nothing_to_check,
    "multi_shot=true: prompt ignored": nothing_to_check,
    "multi_shot=false: shot_type": nothing_to_check,
    "element_list (max 3)": nothing_to_check,
    "use camera_control or advanced_camera_control": nothing_to_check,
    "prompt and multi_prompt are alternatives": nothing_to_check,
    "type is optional": nothing_to_check,
}  # fmt: skip


@each_row
def test_every_exclusion_of_the_survey_holds(name: str) -> None:
    row, spec = ROWS[name], spec_of(ROWS[name])
    for said in row["exclusions"]:
        [check] = [check for beginning, check in EXCLUSIONS.items() if said.startswith(beginning)]
        check(spec)


# ---- every row that comes with Kinora, whatever the survey says --------------------------------------------------


@each_spec
def test_each_model_makes_something_of_each_parameter_it_takes(spec: ModelSpec) -> None:
    for one in spec.parameters:
        tasks = using(spec, [one]).task
        assert tasks in spec.tasks
        assert any(works(spec, one, quality, duration_s) for quality, duration_s in cells(spec)), one


@each_spec
def test_each_model_refuses_each_parameter_it_does_not_take(spec: ModelSpec) -> None:
    for one in set(get_args(Parameter)) - set(spec.parameters) - {"prompt"}:
        assert not any(works(spec, one, quality, duration_s) for quality, duration_s in cells(spec)), one


@each_spec
def test_each_clip_has_a_price_that_grows_with_its_length_and_its_extras(spec: ModelSpec) -> None:
    for quality in spec.qualities:
        costs = [spec.price.credits(quality, one, sound=False, voices=False) for one in spec.durations_s]
        assert costs == sorted(costs, key=lambda one: one or 0)
        assert 0 < (costs[0] or 0) < 5000
    for quality, duration_s in cells(spec):
        silent, sound, voices = (
            spec.price.credits(quality, duration_s, sound=with_sound, voices=with_voices) or 0
            for with_sound, with_voices in ((False, False), (True, False), (True, True))
        )
        assert silent <= sound <= voices


SAME_AS: Mapping[str, str] = {
    "1.0": "kling-v1", "v1": "kling-v1", "1.5": "kling-v1-5", "v1.5": "kling-v1-5", "1.6": "kling-v1-6",
    "v1.6": "kling-v1-6", "2.0": "kling-v2-master", "v2-master": "kling-v2-master", "2.1": "kling-v2-1",
    "v2.1": "kling-v2-1", "2.1-master": "kling-v2-1-master", "v2.1-master": "kling-v2-1-master",
    "2.5": "kling-v2-5-turbo", "v2.5-turbo": "kling-v2-5-turbo", "video-v2-6": "kling-v2-6",
    "video-v3-standard": "kling-v3", "video-v3-pro": "kling-v3", "video-v3-turbo": "kling-v3",
    "video-v3-omni": "kling-v3", "video-o1": "kling-v3",
}  # fmt: skip


def upstream(spec: ModelSpec) -> Price:
    """Kling's own price of what a reseller sells; of the nearest of its models where it has none."""
    said = spec.id.partition("/")[2] if spec.provider != "kkiai" else spec.id
    longest = max((one for one in SAME_AS if said.startswith(one)), key=len, default="")
    wanted = SAME_AS.get(longest, said)
    return next(one.price for one in SHIPPED if (one.provider, one.id) == ("kling", wanted))


@each_spec
def test_an_estimate_lies_above_what_kling_takes_and_not_far_above(spec: ModelSpec) -> None:
    if not spec.price.estimated:
        return
    for quality, duration_s in cells(spec):
        for sound in (False, True) if "sound" in spec.parameters else (False,):
            estimate = spec.price.credits(quality, duration_s, sound=sound, voices=False) or 0
            published = upstream(spec).credits(quality, duration_s, sound=sound, voices=False)
            published = (
                published or upstream(spec).credits(Quality.PRO, duration_s, sound=sound, voices=False) or 0
            )
            is_omni = "omni" in spec.id and sound
            assert published * (1 if is_omni else 1.2) <= estimate <= published * 2.6 + 1, (
                quality,
                duration_s,
                sound,
            )


def test_the_only_prices_that_ai_ml_api_ever_told_are_covered() -> None:
    for quality, said, usd_per_second in (("std", "standard", 0.0315), ("pro", "pro", 0.131)):
        for task, kind in ((Task.IMAGE_TO_VIDEO, "image-to-video"), (Task.TEXT_TO_VIDEO, "text-to-video")):
            [spec] = [
                one for one in HOSTED if one.id == f"kling-video/v1/{said}/{kind}" and task in one.tasks
            ]
            told = usd_per_second * 5 * 100
            assert (
                told
                <= (spec.price.credits(Quality(quality), 5, sound=False, voices=False) or 0)
                <= told * 1.3
            )


# ---- the two contracts of AI/ML API that are older than its documentation ----------------------------------------


def aimlapi(model: str) -> ModelSpec:
    [spec] = [one for one in SHIPPED if (one.provider, one.id) == ("aimlapi", model)]
    return spec


def test_the_older_contract_of_1_0_pro_is_kept() -> None:
    spec = aimlapi("kling-video/v1/pro/image-to-video")
    assert spec.wire == {"path": "legacy", "mask_names": "url"}
    assert spec.required == ("prompt",)
    assert spec.path_points == (1, 77)
    assert not {"camera", "camera_preset"} & set(spec.parameters)


def test_the_older_contract_of_2_1_pro_is_kept() -> None:
    spec = aimlapi("kling-video/v2.1/pro/image-to-video")
    assert spec.wire == {
        "path": "legacy",
        "mask_names": "plain",
        "camera": "kling",
        "key": "external_task_id",
    }
    assert spec.path_points == (2, 77)
    for one in ("motion", "camera", "camera_preset"):
        assert any("Kling itself has none there" in said for said in cautions(using(spec, [one]), spec))


def test_sound_is_always_said_where_it_is_made_when_nothing_is_said() -> None:
    for spec in HOSTED:
        assert (spec.wire.get("sound") == "explicit") == ("sound" in spec.parameters), spec.id


def test_each_wire_switch_is_one_that_is_understood_there() -> None:
    kling = {"mode": {"omit"}, "sound": {"explicit"}, "multi_shot": {"explicit"}, "preset_config": {"zeros"}}
    understood: dict[str, dict[str, set[str]]] = {
        "kling": kling,
        "kkiai": kling,
        "onemin": {},
        "local": {},
        "aimlapi": {
            "path": {"legacy", "universal"},
            "mask_names": {"url", "plain", "both"},
            "end_frame": {"tail_image_url", "last_image_url"},
            "camera": {"kling", "words"},
            "sound": {"explicit"},
            "shots": {"words", "timed"},
            "key": {"external_task_id"},
            "upstream": {"auto", "kling", "klingai", "fal"},
        },
    }
    for spec in SHIPPED:
        for switch, value in spec.wire.items():
            assert value in understood[spec.provider].get(switch, set()), (spec.id, switch)


def test_aimlapi_knows_how_to_be_told_of_shots_and_cameras() -> None:
    for spec in (one for one in HOSTED if one.provider == "aimlapi"):
        assert ("shots" in spec.wire) == ("shots" in spec.parameters)
        words = "words" if spec.tasks == (Task.TEXT_TO_VIDEO,) else "kling"
        assert spec.wire.get("camera") == (words if "camera" in spec.parameters else None)


# ---- what is chosen ----------------------------------------------------------------------------------------------

ORDER = ("kling", "kkiai", "aimlapi", "onemin", "local")


@pytest.mark.parametrize("with_image", [True, False])
@pytest.mark.parametrize("provider", ORDER)
def test_each_provider_makes_a_plain_request_with_a_current_and_cheap_model(
    provider: str, *, with_image: bool
) -> None:
    chosen = Catalogue(SHIPPED, providers=(provider,)).choose(
        builders.request(image=builders.PICTURE if with_image else None, quality=None)
    )
    assert chosen.spec.name.removesuffix(" Pro") in ("Kling 2.5 Turbo", "Kling 2.5", "The local renderer")
    assert chosen.price <= 60
    assert not [said for said in chosen.cautions if "guidance" not in said]


def test_what_kling_has_dropped_is_chosen_only_for_what_no_other_can() -> None:
    models = Catalogue(SHIPPED, providers=("kling",))
    spec = next(one for one in SHIPPED if "motion" in one.parameters)
    chosen = models.choose(using(spec, ["motion"]))
    assert chosen.spec.retired in chosen.cautions
    assert models.choose(using(spec, ["end_frame"])).spec.retired is None


def test_an_end_frame_goes_to_pro_when_nobody_chose_a_quality() -> None:
    wanted = builders.request(image=builders.PICTURE, end_frame=builders.PICTURE, quality=None)
    chosen = Catalogue(SHIPPED, providers=("kling",)).choose(wanted)
    assert (chosen.spec.id, chosen.spec.quality_of(wanted), chosen.price) == (
        "kling-v2-5-turbo",
        Quality.PRO,
        35,
    )


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda spec: f"{spec.provider} {spec.id}")
def test_a_model_can_make_what_nothing_keeps_it_from(spec: ModelSpec) -> None:
    image = builders.request().image
    for duration_s in (1, 5, 8, 10, 15):
        for known in ({}, {"image": image}, {"sound": True}, {"guidance": 0.5}, {"quality": Quality.PRO}):
            request = VideoRequest.model_validate({"prompt": "a boat", "duration_s": duration_s, **known})
            assert can_make(spec, request) == (fits(request, spec) == [])
