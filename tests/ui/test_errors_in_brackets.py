"""No part of an answer to an error is English where German is spoken."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.catalogue import Catalogue
from bot.domain.errors import CatalogueInvalid, NotExpressible
from bot.domain.models import ModelSpec, fits
from bot.domain.requests import Options, VideoRequest
from bot.language import speaking
from bot.media.errors import Unreadable
from bot.ui.errors import describe
from tests import brackets
from tests.ui import test_errors
from tests.ui.test_errors import ALL, GIVEN, made

FOREIGN = {"The", "disk", "is", "full"}
"""What a fault of the house is given to say in these tests."""


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    brackets.speak(monkeypatch)
    for name, value in {"problems": ["7"], "reason": "7", "which": "7", "missing": ["7"]}.items():
        monkeypatch.setitem(GIVEN, name, value)


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind is not CatalogueInvalid])
def test_every_error_is_in_the_catalogue(kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking("de"):
        monkeypatch.setitem(test_errors.GIVEN, "refusal", Unreadable())
        left = set(brackets.outside(describe(made(kind)).text)) - FOREIGN
    assert left == set()


def test_an_error_nobody_foresaw_is_in_the_catalogue() -> None:
    with speaking("de"):
        assert brackets.outside(describe(ZeroDivisionError("secret")).text) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"prompt": ""},
        {"prompt": "7", "duration_s": 61},
        {"prompt": "7", "duration_s": 0},
        {"prompt": "7", "duration_s": "x"},
        {"prompt": "7", "guidance": 2},
        {"prompt": "7", "quality": "8k"},
        {"prompt": "7", "aspect": "2:1"},
        {"prompt": "7" * 2501},
        {"prompt": "7", "negative_prompt": "7" * 2501},
        {"prompt": "7", "voices": ("7", "7", "7")},
        {"prompt": "7", "model": "!"},
        {"prompt": "7", "camera": {"move": "zoom", "amount": 11}},
        {"prompt": "7", "camera": {"move": "zoom", "amount": 0}},
        {"prompt": "7", "camera": {"move": "sideways"}},
        {"prompt": "7", "camera": {"move": "down_back", "amount": 1}},
        {"prompt": "7", "sound": "perhaps"},
        {"shots": ({"prompt": "7", "duration_s": 3},), "duration_s": 5},
        {"shots": ({"prompt": "", "duration_s": 5},), "duration_s": 5},
    ],
)
def test_what_is_wrong_with_an_option_is_in_the_catalogue(wanted: dict[str, Any]) -> None:
    with speaking("de"):
        with pytest.raises(ValidationError) as error:
            VideoRequest.model_validate(wanted)
        assert brackets.outside(describe(error.value).text) == []


def test_what_keeps_a_model_from_a_request_is_in_the_catalogue() -> None:
    spec = ModelSpec.model_validate(
        {
            "provider": "kling",
            "id": "7",
            "name": "7",
            "tasks": ["image_to_video"],
            "qualities": ["std"],
            "durations_s": [5, 10],
            "aspects": ["16:9"],
            "parameters": ["guidance", "camera", "motion"],
            "required": ["motion"],
            "only": {"guidance": ["std/10"]},
            "exclusive": [["guidance", "camera"]],
            "price": {"per_second": {"std": 1}},
        }
    )
    request = VideoRequest.model_validate(
        {
            "prompt": "7",
            "duration_s": 7,
            "quality": "pro",
            "aspect": "9:16",
            "guidance": 0.5,
            "camera": {"move": "zoom", "amount": 1},
            "voices": ("7",),
            "negative_prompt": "7",
        }
    )
    with speaking("de"):
        problems = fits(request, spec)
        assert len(problems) > 8
        assert [word for problem in problems for word in brackets.outside(problem)] == []


@pytest.mark.parametrize("wanted", [{"draft": True}, {"provider": "7"}, {"model": "7"}])
def test_what_nobody_can_make_is_in_the_catalogue(wanted: dict[str, Any]) -> None:
    catalogue = Catalogue([], providers=["kling"])
    request = VideoRequest.of(Options(prompt="7", **wanted))
    with speaking("de"):
        with pytest.raises(NotExpressible) as error:
            catalogue.choose(request)
        assert set(brackets.outside(describe(error.value).text)) <= {"kling"}
