from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.catalogue import Catalogue, Routing
from bot.domain.errors import NotExpressible
from bot.domain.models import ModelSpec, Parameter, Price, cautions, fits, used_by
from bot.domain.requests import (
    Aspect,
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
from tests import builders

ROW: dict[str, Any] = {
    "provider": "fine",
    "id": "fine-1",
    "name": "Fine",
    "tasks": list(Task),
    "qualities": ["std", "pro"],
    "durations_s": [5, 30],
    "aspects": list(Aspect),
    "parameters": ["prompt", "end_frame", "camera"],
    "price": {"per_second": {"std": 1, "pro": 2}},
}
PAN = CameraControl(move=CameraMove.PAN, amount=1)
TURN = CameraControl(move=CameraPreset.RIGHT_TURN_FORWARD)


def row(**known: Any) -> ModelSpec:
    return ModelSpec.model_validate(ROW | known)


FINE = row()
LOCAL = row(provider="local", id="local-camera", name="The local renderer", durations_s=[5, 10])
WORDS_ONLY = row(tasks=["text_to_video"])


def catalogue(*rows: ModelSpec) -> Catalogue:
    return Catalogue(rows, providers=tuple(dict.fromkeys(one.provider for one in rows)))


def painted(*lengths: int, still: bool = False) -> MotionBrush:
    strokes = [
        Stroke(mask=builders.PICTURE, path=tuple(Point(x=n, y=n) for n in range(length)))
        for length in lengths
    ]
    return MotionBrush(still=builders.PICTURE if still else None, moving=tuple(strokes))


# ---- what is a row, and what is not ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["provider", "id", "name", "tasks", "qualities", "durations_s", "price"])
def test_a_row_that_lacks_a_key_is_no_row(key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        ModelSpec.model_validate({name: value for name, value in ROW.items() if name != key})


NO_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt key": ({"quality": "std"}, "quality"),
    "no price for a quality": ({"qualities": ["std", "4k"]}, "4k has no price for 5 s"),
    "no price for a length": ({"price": {"per_clip": {"std/5": 1, "pro/5": 1}}}, "std has no price for 30 s"),
    "negative price": ({"price": {"per_second": {"std": -1, "pro": 1}}}, "greater than or equal to 0"),
    "price without end": ({"price": {"per_second": {"std": float("inf"), "pro": 1}}}, "finite"),
    "price that is no number": ({"price": {"per_second": {"std": float("nan"), "pro": 1}}}, "finite"),
    "price of a fortune": ({"price": {"per_second": {"std": 1e30, "pro": 1}}}, "less than or equal"),
    "misspelt extra": ({"price": {"per_second": {"std+voice": 1}}}, r"std\+voice is not understood"),
    "length of seconds": ({"price": {"per_second": {"std/5": 1}}}, "std/5 is not understood"),
    "clip without a length": ({"price": {"per_clip": {"std": 1}}}, "write it like pro/5"),
    "unknown parameter": ({"parameters": ["smell"]}, "parameters"),
    "restricted but not taken": ({"only": {"motion": ["pro"]}}, "motion not among its parameters"),
    "needed but not taken": ({"required": ["sound"]}, "sound not among its parameters"),
    "doubted but not taken": ({"cautions": {"voices": "Hm."}}, "voices not among its parameters"),
    "excluded but not taken": ({"exclusive": [["camera", "shots"]]}, "shots not among its parameters"),
    "place that is none": ({"only": {"camera": ["pro/five"]}}, "pro/five is not understood"),
    "clip of no length": ({"durations_s": [0]}, "greater than or equal to 1"),
    "clip longer than can be asked for": ({"durations_s": [61]}, "less than or equal to 60"),
    "path of no points": ({"path_points": [0, 5]}, "greater than or equal to 1"),
    "task that is none": ({"tasks": ["lip_sync"]}, "tasks"),
    "name of nothing": ({"name": ""}, "name"),
    "id too long to be suggested": ({"id": "x" * 101}, "id"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ROWS)
def test_a_row_that_makes_no_sense_is_none(name: str) -> None:
    wrong, said = NO_ROWS[name]
    with pytest.raises(ValidationError, match=said):
        row(**wrong)


# ---- what a clip costs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per_second", "duration_s", "credits_"),
    [("1", 5, 5), ("1.1", 10, 11), ("0.7", 10, 7), ("0.3", 5, 2), ("2.01", 5, 11), ("0", 5, 0)],
)
def test_a_price_is_rounded_up_to_whole_credits_and_no_further(
    per_second: str, duration_s: int, credits_: int
) -> None:
    priced = row(durations_s=[5, 10], price={"per_second": {"std": per_second, "pro": 9}})
    assert priced.cost(builders.request(duration_s=duration_s)) == credits_


PRICE = Price.model_validate(
    {
        "per_second": {"std": 2, "std+sound": 3, "pro": 4},
        "per_clip": {"std/5": 7, "pro/5+sound": 30, "pro/5+sound+voices": 40},
        "unit_credits": 10,
    }
)


@pytest.mark.parametrize(
    ("quality", "duration_s", "sound", "voices", "credits_"),
    [
        ("std", 10, False, False, 200),
        ("std", 5, False, False, 70),
        ("std", 5, True, False, 150),
        ("std", 5, True, True, 150),
        ("pro", 5, False, False, 200),
        ("pro", 5, True, False, 300),
        ("pro", 5, True, True, 400),
        ("pro", 10, True, True, 400),
        ("4k", 5, True, True, None),
    ],
)
def test_the_most_specific_price_counts(
    *, quality: str, duration_s: int, sound: bool, voices: bool, credits_: int | None
) -> None:
    assert PRICE.credits(Quality(quality), duration_s, sound=sound, voices=voices) == credits_


def test_a_draft_costs_nothing() -> None:
    assert FINE.cost(builders.request(draft=True)) == 0


def test_a_clip_that_the_model_does_not_make_has_no_price() -> None:
    clips = row(durations_s=[5], price={"per_clip": {"std/5": 1, "pro/5": 2}})
    with pytest.raises(ValueError, match="no price for std and 7 s"):
        clips.cost(builders.request(duration_s=7))


# ---- what fits ---------------------------------------------------------------------------------------------------

MISFITS: dict[str, tuple[dict[str, Any], ModelSpec, str]] = {
    "task": ({"image": builders.PICTURE}, WORDS_ONLY, "Fine does not do image to video."),
    "duration": ({"duration_s": 7}, FINE, "Fine makes clips of 5 or 30 seconds, not 7."),
    "only duration": ({"duration_s": 7}, row(durations_s=[5]), "Fine makes clips of 5 seconds, not 7."),
    "durations": ({"duration_s": 2}, row(durations_s=list(range(3, 16))), "Fine makes clips of 3 to 15 seconds, not 2."),
    "quality": ({"quality": "4k"}, FINE, "Fine has the quality std or pro, not 4k."),
    "aspect": ({"aspect": "1:1"}, row(aspects=["16:9"]), "Fine has the aspects 16:9, not 1:1."),
    "no aspect": ({"aspect": "1:1"}, row(aspects=[]), "Fine follows the shape of the picture; leave the aspect out."),
    "negative prompt": ({"negative_prompt": "rain"}, FINE, "Fine does not take a negative prompt; leave it out."),
    "guidance": ({"guidance": 0.5}, FINE, "Fine does not take guidance; leave it out."),
    "guidance of nothing": ({"guidance": 0.0}, FINE, "Fine does not take guidance; leave it out."),
    "sound": ({"sound": True}, FINE, "Fine does not take sound; leave it out."),
    "watermark": ({"watermark": True}, FINE, "Fine does not take a watermark; leave it out."),
    "camera": ({"camera": PAN}, row(parameters=[]), "Fine does not take camera moves with an amount; leave it out."),
    "camera preset": ({"camera": TURN}, FINE, "Fine does not take composed camera moves; leave it out."),
    "shots": ({"shots": (Shot(prompt="a boat", duration_s=5),)}, FINE, "Fine does not take several shots; leave it out."),
    "end frame": (
        {"image": builders.PICTURE, "end_frame": builders.PICTURE}, row(parameters=[]),
        "Fine does not take an end frame; leave it out.",
    ),
    "motion": (
        {"image": builders.PICTURE, "motion": painted(2)}, FINE,
        "Fine does not take painted motion; leave it out.",
    ),
    "needed": (
        {"image": builders.PICTURE, "prompt": " "}, row(required=["prompt"]),
        "Fine needs a prompt.",
    ),
    "wrong quality for it": (
        {"camera": PAN}, row(only={"camera": ["pro/5"]}),
        "Fine takes camera moves with an amount only in pro of 5 s, not in std of 5 s.",
    ),
    "wrong length for it": (
        {"camera": PAN, "quality": None, "duration_s": 30}, row(only={"camera": ["std/5", "pro/5"]}),
        "Fine takes camera moves with an amount only in std of 5 s or pro of 5 s, not in std of 30 s.",
    ),
    "not together": (
        {"camera": PAN, "sound": True}, row(parameters=["camera", "sound", "shots"], exclusive=[["camera", "shots", "sound"]]),
        "Fine takes only one of camera moves with an amount and sound.",
    ),
    "voices of nobody": ({"voices": ("anna",)}, row(parameters=["voices"]), "Voices need sound; switch sound on."),
    "short path": (
        {"image": builders.PICTURE, "motion": painted(2, 1)}, row(parameters=["motion"]),
        "Fine wants paths of 2 to 77 points.",
    ),
    "long path": (
        {"image": builders.PICTURE, "motion": painted(6)}, row(parameters=["motion"], path_points=[1, 5]),
        "Fine wants paths of 1 to 5 points.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_said_in_a_sentence(name: str) -> None:
    wanted, spec, sentence = MISFITS[name]
    assert fits(builders.request(**wanted), spec) == [sentence]


def test_what_stands_still_needs_no_path() -> None:
    wanted = builders.request(image=builders.PICTURE, motion=painted(still=True))
    assert fits(wanted, row(parameters=["motion"])) == []


def test_shots_take_the_place_of_a_prompt() -> None:
    wanted = builders.request(prompt="", shots=(Shot(prompt="a boat", duration_s=5),))
    assert used_by(wanted) == ["shots"]
    assert fits(wanted, row(parameters=["shots"])) == []


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    wanted = builders.request(quality="4k", duration_s=7, sound=True)
    with pytest.raises(NotExpressible) as refusal:
        catalogue(LOCAL).choose(wanted)
    assert len(refusal.value.problems) == 3
    assert str(refusal.value) == " ".join(refusal.value.problems)


def test_what_a_request_for_a_picture_lacks_is_not_said_about_text() -> None:
    words = row(tasks=["text_to_video"])
    pictures = row(tasks=["image_to_video"], parameters=[])
    wanted = builders.request(image=builders.PICTURE, end_frame=builders.PICTURE, sound=True, duration_s=7)
    for rows in ((words, pictures), (pictures, words)):
        with pytest.raises(NotExpressible) as refusal:
            catalogue(*rows).choose(wanted)
        assert "image to video" not in str(refusal.value)


def test_the_quality_is_the_first_in_which_the_request_works() -> None:
    spec = row(only={"camera": ["pro"]})
    assert spec.quality_of(builders.request(quality=None)) is Quality.STD
    assert spec.quality_of(builders.request(quality=None, camera=PAN)) is Quality.PRO
    assert spec.quality_of(builders.request(quality="std", camera=PAN)) is Quality.STD
    assert catalogue(spec).choose(builders.request(quality=None, camera=PAN)).price == 10


_PRICES = st.fixed_dictionaries(
    {"per_second": st.fixed_dictionaries({"std": st.integers(0, 9), "pro": st.integers(0, 9)})}
)


@given(
    duration_s=st.integers(1, 60),
    quality=st.none() | st.sampled_from(Quality),
    aspect=st.none() | st.sampled_from(Aspect),
    sound=st.booleans(),
    camera=st.sampled_from([None, PAN, TURN]),
    with_image=st.booleans(),
    rows=st.lists(
        st.builds(
            row,
            tasks=st.lists(st.sampled_from(Task), min_size=1, unique=True),
            parameters=st.sampled_from([[], ["prompt"], ["prompt", "camera"], ["sound", "camera", "camera_preset"]]),
            provider=st.sampled_from(["fine", "other"]),
            price=_PRICES,
        ),
        min_size=1, max_size=6,
    ),
)  # fmt: skip
def test_whatever_is_chosen_fits_and_is_the_first_or_the_cheapest(
    *, rows: list[ModelSpec], with_image: bool, **chosen: Any
) -> None:
    models = Catalogue(rows, providers=("fine", "other"))
    wanted = builders.request(**chosen, image=builders.PICTURE if with_image else None)
    able = [one for one in models.specs if not fits(wanted, one)]
    assert [choice.spec for choice in models.fitting(wanted)] == able
    if not able:
        with pytest.raises(NotExpressible, match=r".+\."):
            models.choose(wanted)
        return
    assert models.choose(wanted).spec == able[0]
    cheapest = models.choose(wanted, Routing(cheapest_first=True))
    assert cheapest.price == min(one.cost(wanted) for one in able)


# ---- who is chosen -----------------------------------------------------------------------------------------------


def test_a_draft_is_free_and_made_here_whatever_comes_first() -> None:
    chosen = Catalogue([FINE, LOCAL], providers=("fine", "local")).choose(
        builders.request(draft=True, provider="fine")
    )
    assert (chosen.spec, chosen.price) == (LOCAL, 0)


def test_a_draft_is_made_by_who_makes_drafts_only() -> None:
    models = Catalogue([FINE, LOCAL], providers=("fine",), drafts_by="local")
    assert models.specs == (FINE,)
    assert models.choose(builders.request(draft=True)).spec == LOCAL


def test_a_draft_without_the_local_renderer_is_refused() -> None:
    with pytest.raises(NotExpressible, match="switched off"):
        Catalogue([FINE, LOCAL], providers=("fine",)).choose(builders.request(draft=True))


def test_a_draft_by_somebody_elses_model_is_refused_for_the_model() -> None:
    with pytest.raises(NotExpressible, match="leave the model out"):
        catalogue(FINE, LOCAL).choose(builders.request(draft=True, model="fine-1"))


def test_the_preferred_provider_is_taken_where_it_can() -> None:
    models = Catalogue([LOCAL, FINE], providers=("fine", "local"))
    assert models.choose(builders.request()).spec == FINE
    assert models.choose(builders.request(duration_s=10)).spec == LOCAL


def test_a_provider_or_a_model_that_was_asked_for_is_taken() -> None:
    models = Catalogue([LOCAL, FINE], providers=("fine", "local"))
    assert models.choose(builders.request(provider="local")).spec == LOCAL
    assert models.choose(builders.request(model="local-camera")).spec == LOCAL


def test_models_of_providers_that_are_not_configured_do_not_exist() -> None:
    models = Catalogue([LOCAL, FINE], providers=("fine",))
    assert models.specs == (FINE,)
    with pytest.raises(NotExpressible) as refusal:
        models.choose(builders.request(provider="local"))
    assert refusal.value.problems == ("Choose one of the providers at hand: fine.",)


def test_a_model_on_its_way_out_is_taken_only_when_named_or_when_no_other_fits() -> None:
    old = row(
        id="old", durations_s=[5, 7], price={"per_second": {"std": 0, "pro": 0}}, retired="It is going."
    )
    models = catalogue(old, FINE)
    assert models.choose(builders.request()).spec == FINE
    assert models.choose(builders.request(), Routing(cheapest_first=True)).spec == FINE
    for wanted in (builders.request(model="old"), builders.request(duration_s=7)):
        chosen = models.choose(wanted)
        assert (chosen.spec, chosen.cautions) == (old, ("It is going.",))


def test_a_provider_that_is_unwell_is_taken_only_when_no_other_can() -> None:
    models = catalogue(FINE, LOCAL)
    ill = Routing(is_healthy=lambda provider: provider != "fine")
    assert models.choose(builders.request(), ill).spec == LOCAL
    assert models.choose(builders.request(duration_s=30), ill).spec == FINE


def test_a_provider_that_is_out_of_the_question_is_not_taken() -> None:
    with pytest.raises(NotExpressible):
        catalogue(FINE).choose(builders.request(), Routing(without=frozenset({"fine"})))


def test_no_more_is_spent_than_may_be() -> None:
    models = catalogue(FINE, row(provider="cheap", price={"per_second": {"std": "0.5", "pro": 1}}))
    assert models.choose(builders.request(), Routing(at_most=3)).spec.provider == "cheap"
    with pytest.raises(NotExpressible):
        models.choose(builders.request(), Routing(at_most=2))


def test_what_a_server_prefers_comes_first_where_the_request_leaves_it_open() -> None:
    cheap = row(provider="cheap", id="cheap-1", qualities=["std"], price={"per_second": {"std": 1}})
    other = row(provider="cheap", id="fine-1", price={"per_second": {"std": 1, "pro": 1}})
    models = catalogue(FINE, cheap, other)

    def chosen(request: VideoRequest, **known: Any) -> tuple[str, str, bool]:
        choice = models.choose(request, Routing(**known))
        return choice.spec.provider, choice.spec.id, choice.is_preferred

    anything = builders.request(quality=None)
    assert chosen(anything) == ("fine", "fine-1", False)
    assert chosen(anything, model="cheap-1") == ("cheap", "cheap-1", True)
    assert chosen(anything, model="fine-1") == ("fine", "fine-1", True)
    assert chosen(anything, model="fine-1", provider="cheap") == ("cheap", "fine-1", True)
    assert chosen(anything, provider="cheap") == ("cheap", "cheap-1", True)
    assert chosen(anything, model="cheap-1", cheapest_first=True) == ("cheap", "cheap-1", True)
    assert chosen(anything, model="gone-1", provider="gone") == ("fine", "fine-1", False)
    assert chosen(anything, model="cheap-1", is_healthy="fine".__eq__)[0] == "fine"
    assert chosen(builders.request(quality=Quality.PRO), model="cheap-1") == ("fine", "fine-1", False)
    assert chosen(builders.request(provider="fine"), model="cheap-1") == ("fine", "fine-1", False)
    assert chosen(builders.request(model="fine-1"), provider="cheap") == ("fine", "fine-1", False)


def test_a_draft_is_no_servers_preference() -> None:
    choice = catalogue(FINE, LOCAL).choose(builders.request(draft=True), Routing(model="fine-1"))
    assert (choice.spec.provider, choice.is_preferred) == ("local", False)


def test_a_servers_quality_is_taken_and_paid_where_the_model_can() -> None:
    low = row(provider="low", id="low-1", qualities=["std"], price={"per_second": {"std": 1}})
    models = catalogue(FINE, low)
    pro = Routing(quality=Quality.PRO)
    usual = models.choose(builders.request(quality=None), Routing())
    better = models.choose(builders.request(quality=None), pro)
    assert (usual.quality, usual.price, better.quality, better.price, better.worth) == (
        "std",
        5,
        "pro",
        10,
        10,
    )
    assert models.choose(builders.request(quality=Quality.STD), pro).quality == "std"
    assert models.choose(builders.request(quality=None, provider="low"), pro).quality == "std"
    assert models.choose(builders.request(quality=None), Routing(quality=Quality.UHD)).quality == "std"
    cheapest = models.choose(
        builders.request(quality=None), Routing(quality=Quality.PRO, cheapest_first=True)
    )
    assert cheapest.spec == low


# ---- models that no row knows ------------------------------------------------------------------------------------


def test_an_unknown_model_is_passed_on_with_a_caution_and_the_dearest_price() -> None:
    dear = row(
        id="dear", durations_s=[10], price={"per_clip": {"std/10": 3, "pro/10": 5}, "unit_credits": 14}
    )
    restricted = row(id="first", only={"camera": ["pro"]}, cautions={"camera": "Hm."}, wire={"a": "b"})
    wanted = builders.request(model="first-9", camera=PAN, duration_s=7, quality=None)
    chosen = catalogue(LOCAL, restricted, dear).choose(wanted)
    assert (chosen.spec.id, chosen.spec.provider, chosen.spec.is_known) == ("first-9", "fine", False)
    assert chosen.price == 49  # 5 units for 10 s, 14 credits each
    assert chosen.cautions == (
        "first-9 is not a model that this bot knows; it is passed on to fine as it is.",
    )
    assert (chosen.spec.quality_of(wanted), chosen.spec.wire) == (Quality.STD, {"a": "b"})


@given(quality=st.sampled_from(Quality), duration_s=st.sampled_from([5, 30]), sound=st.booleans())
def test_an_unknown_model_never_costs_less_than_a_known_one(
    *, quality: Quality, duration_s: int, sound: bool
) -> None:
    known = row(
        qualities=list(Quality),
        price={"per_second": {"std": 1, "pro": 2, "4k": 3, "pro+sound": 7}, "unit_credits": 3},
        parameters=["sound"],
    )
    wanted = builders.request(quality=quality, duration_s=duration_s, sound=sound, prompt="a boat")
    unknown = catalogue(known).choose(wanted.model_copy(update={"model": f"{known.id}-new"}))
    assert unknown.price >= known.cost(wanted)


def test_an_unknown_model_goes_to_the_provider_that_was_named() -> None:
    models = catalogue(FINE, row(provider="other", id="other-1"))
    assert models.choose(builders.request(model="fine-new")).spec.provider == "fine"
    assert models.choose(builders.request(model="other-new", provider="other")).spec.provider == "other"


def test_an_unknown_model_of_quite_another_maker_is_not_passed_on() -> None:
    models = catalogue(FINE, row(provider="other", id="other-1"))
    for model in ("veo-3", "google/veo", "fineness"):
        with pytest.raises(NotExpressible, match="models at hand"):
            models.choose(builders.request(model=model))
    with pytest.raises(NotExpressible, match="models at hand"):
        models.choose(builders.request(model="fine-new", provider="other"))


def test_the_local_renderer_has_no_models_that_nobody_knows() -> None:
    with pytest.raises(NotExpressible) as refusal:
        catalogue(LOCAL).choose(builders.request(model="new"))
    assert refusal.value.problems == ("Choose one of the models at hand: `local-camera`.",)


def test_a_model_known_elsewhere_is_not_passed_on() -> None:
    models = catalogue(FINE, row(provider="other", id="other-1"))
    with pytest.raises(NotExpressible) as refusal:
        models.choose(builders.request(model="other-1", provider="fine"))
    assert refusal.value.problems == ("Choose one of the models at hand: `fine-1`.",)


def test_no_more_models_are_listed_than_can_be_read() -> None:
    rows = [row(provider="local", id=f"model-{number}") for number in range(40)]
    with pytest.raises(NotExpressible, match="and 28 more"):
        catalogue(*rows).choose(builders.request(model="none"))


def test_a_model_that_was_chosen_is_found_again_even_when_its_row_is_gone() -> None:
    words = row(tasks=["text_to_video"], id="fine-1")
    pictures = row(tasks=["image_to_video"], id="fine-1")
    models = catalogue(words, pictures, LOCAL)
    assert models.spec_of("fine", "fine-1", Task.IMAGE_TO_VIDEO) == pictures
    assert models.spec_of("local", "local-camera", Task.TEXT_TO_VIDEO) == LOCAL
    gone = models.spec_of("fine", "gone", Task.TEXT_TO_VIDEO)
    assert (gone.id, gone.is_known) == ("gone", False)
    with pytest.raises(NotExpressible, match="no model of nobody"):
        models.spec_of("nobody", "x", Task.TEXT_TO_VIDEO)


# ---- what is doubted ---------------------------------------------------------------------------------------------


def test_a_caution_goes_with_a_request_that_gives_reason_for_it() -> None:
    spec = row(cautions={"camera": "It may not move."}, retired="It is going.")
    assert cautions(builders.request(camera=PAN), spec) == ("It is going.", "It may not move.")
    assert cautions(builders.request(), row(cautions={"camera": "It may not move."})) == ()


def _names(requests: Sequence[VideoRequest]) -> list[str]:
    return [one for request in requests for one in used_by(request)]


def test_every_parameter_can_be_told_from_a_request() -> None:
    picture = builders.PICTURE
    requests = [
        builders.request(
            negative_prompt="rain", guidance=0.0, camera=PAN, sound=True, voices=("a",), watermark=True
        ),
        builders.request(
            prompt="", image=picture, end_frame=picture, motion=painted(2), camera=TURN,
            shots=(Shot(prompt="a boat", duration_s=5),),
        ),
    ]  # fmt: skip
    assert set(_names(requests)) == set(get_args(Parameter))
