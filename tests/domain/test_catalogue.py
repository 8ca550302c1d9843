from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.catalogue import Catalogue, ModelSpec, fits
from bot.domain.errors import NotExpressible
from bot.domain.requests import Aspect, CameraControl, CameraMove, Quality, Task
from tests import builders

LOCAL = builders.LOCAL
FINE = LOCAL.model_copy(update={"provider": "fine", "id": "fine-1", "name": "Fine", "durations_s": (5, 30)})
WORDS_ONLY = FINE.model_copy(update={"tasks": (Task.TEXT_TO_VIDEO,)})
STILL = CameraControl(move=CameraMove.PAN, amount=1)


def spec(**known: Any) -> ModelSpec:
    return LOCAL.model_copy(update=known)


def shipped() -> str:
    return resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")


def test_every_shipped_model_has_a_price_for_all_it_makes() -> None:
    catalogue = Catalogue.parse(shipped(), providers=("local",))
    assert [row.id for row in catalogue.specs] == ["local-camera"]
    for row in catalogue.specs:
        for quality in row.qualities:
            for duration_s in row.durations_s:
                assert row.price(builders.request(quality=quality, duration_s=duration_s)) > 0


def test_a_row_without_a_price_for_one_of_its_qualities_is_no_row() -> None:
    with pytest.raises(ValidationError, match="4k has no price"):
        ModelSpec.model_validate(LOCAL.model_dump() | {"qualities": ("std", "4k")})


@pytest.mark.parametrize("key", ["provider", "id", "tasks", "credits_per_second"])
def test_a_row_that_lacks_a_key_is_no_row(key: str) -> None:
    row = {name: value for name, value in LOCAL.model_dump().items() if name != key}
    with pytest.raises(ValidationError, match=key):
        ModelSpec.model_validate(row)


def test_a_misspelt_key_is_found() -> None:
    with pytest.raises(ValidationError, match="quality"):
        ModelSpec.model_validate(LOCAL.model_dump() | {"quality": "std"})


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf")])
def test_a_price_is_a_finite_amount(price: float) -> None:
    with pytest.raises(ValidationError):
        ModelSpec.model_validate(LOCAL.model_dump() | {"credits_per_second": {"std": price, "pro": 1}})


@pytest.mark.parametrize(
    ("per_second", "duration_s", "credits_"),
    [(1, 5, 5), (1.1, 10, 11), (0.7, 10, 7), (0.3, 5, 2), (2.01, 5, 11)],
)
def test_a_price_is_rounded_up_to_whole_credits_and_no_further(
    per_second: float, duration_s: int, credits_: int
) -> None:
    row = ModelSpec.model_validate(LOCAL.model_dump() | {"credits_per_second": {"std": per_second, "pro": 9}})
    assert row.price(builders.request(duration_s=duration_s)) == credits_


def test_a_draft_is_free_and_made_here_whatever_comes_first() -> None:
    catalogue = Catalogue([FINE, LOCAL], providers=("fine", "local"))
    chosen = catalogue.choose(builders.request(draft=True, provider="fine"))
    assert (chosen.spec, chosen.price) == (LOCAL, 0)


def test_a_draft_without_the_local_renderer_is_refused() -> None:
    with pytest.raises(NotExpressible, match="switched off"):
        Catalogue([FINE], providers=("fine",)).choose(builders.request(draft=True))


def test_a_draft_by_somebody_elses_model_is_refused_for_the_model() -> None:
    catalogue = Catalogue([FINE, LOCAL], providers=("fine", "local"))
    with pytest.raises(NotExpressible, match="leave the model out"):
        catalogue.choose(builders.request(draft=True, model="fine-1"))


def test_the_preferred_provider_is_taken_where_it_can() -> None:
    catalogue = Catalogue([LOCAL, FINE], providers=("fine", "local"))
    assert catalogue.choose(builders.request()).spec == FINE
    assert catalogue.choose(builders.request(duration_s=10)).spec == LOCAL


def test_a_provider_or_a_model_that_was_asked_for_is_taken() -> None:
    catalogue = Catalogue([LOCAL, FINE], providers=("fine", "local"))
    assert catalogue.choose(builders.request(provider="local")).spec == LOCAL
    assert catalogue.choose(builders.request(model="local-camera")).spec == LOCAL


def test_models_of_providers_that_are_not_configured_do_not_exist() -> None:
    assert Catalogue([LOCAL, FINE], providers=("fine",)).specs == (FINE,)


def test_an_unknown_model_is_refused_with_those_at_hand() -> None:
    catalogue = Catalogue([LOCAL, FINE], providers=("fine", "local"))
    with pytest.raises(NotExpressible) as refusal:
        catalogue.choose(builders.request(model="@everyone"))
    assert refusal.value.problems == ("Choose one of the models at hand: `fine-1`, `local-camera`.",)


def test_the_price_is_that_of_the_model_that_was_chosen() -> None:
    catalogue = Catalogue([LOCAL], providers=("local",))
    assert catalogue.choose(builders.request(quality="pro", duration_s=10)).price == 20


MISFITS: dict[str, tuple[dict[str, Any], ModelSpec, str]] = {
    "task": ({"image": builders.PICTURE}, WORDS_ONLY, "Fine does not do image to video."),
    "duration": ({"duration_s": 7}, LOCAL, "The local renderer makes clips of 5 or 10 seconds, not 7."),
    "only duration": ({"duration_s": 7}, spec(durations_s=(5,)), "The local renderer makes clips of 5 seconds, not 7."),
    "quality": ({"quality": "4k"}, LOCAL, "The local renderer has the qualities std or pro, not 4k."),
    "aspect": ({"aspect": "1:1"}, spec(aspects=(Aspect.WIDE,)), "The local renderer has the aspects 16:9, not 1:1."),
    "negative prompt": ({"negative_prompt": "rain"}, LOCAL, "The local renderer does not take a negative prompt; leave it out."),
    "guidance": ({"guidance": 0.5}, LOCAL, "The local renderer does not take guidance; leave it out."),
    "guidance of nothing": ({"guidance": 0.0}, LOCAL, "The local renderer does not take guidance; leave it out."),
    "sound": ({"sound": True}, LOCAL, "The local renderer does not take sound; leave it out."),
    "voices": ({"voices": ("anna",)}, LOCAL, "The local renderer does not take voices; leave it out."),
    "camera": ({"camera": STILL}, spec(parameters=()), "The local renderer does not take camera moves; leave it out."),
    "end frame": (
        {"image": builders.PICTURE, "end_frame": builders.PICTURE},
        spec(parameters=()),
        "The local renderer does not take an end frame; leave it out.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_said_in_a_sentence(name: str) -> None:
    wanted, row, sentence = MISFITS[name]
    assert fits(builders.request(**wanted), row) == [sentence]


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    wanted = builders.request(quality="4k", duration_s=7, sound=True)
    with pytest.raises(NotExpressible) as refusal:
        Catalogue([LOCAL], providers=("local",)).choose(wanted)
    assert len(refusal.value.problems) == 3
    assert str(refusal.value) == " ".join(refusal.value.problems)


@given(
    duration_s=st.integers(1, 60),
    quality=st.sampled_from(Quality),
    aspect=st.sampled_from(Aspect),
    sound=st.booleans(),
    with_image=st.booleans(),
    tasks=st.sets(st.sampled_from(Task), min_size=1),
)
def test_whatever_is_chosen_fits(*, tasks: set[Task], with_image: bool, **chosen: Any) -> None:
    catalogue = Catalogue([spec(tasks=tuple(tasks)), FINE], providers=("local", "fine"))
    wanted = builders.request(**chosen, image=builders.PICTURE if with_image else None)
    able = [row for row in catalogue.specs if not fits(wanted, row)]
    if able:
        assert catalogue.choose(wanted).spec == able[0]
    else:
        with pytest.raises(NotExpressible, match=r".+\."):
            catalogue.choose(wanted)
