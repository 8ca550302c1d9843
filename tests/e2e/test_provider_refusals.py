"""What a provider refuses, the card says in the provider's own words, and that it cost nothing."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from bot.sandbox import shows
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.test_routing import first, started
from tests.vendors.opened import NAMES, Vendors
from tests.vendors.vendor import FAILURE, OnCreate, Outcome

FREE = "Nothing was charged."
RISK = "Failure to pass the risk control system"
OWN_WORDS = {
    "kling": "Kling does not allow this content: The content may violate the rules",
    "kkiai": "kkiai does not allow this content: The content may violate the rules",
    "aimlapi": f"AI/ML API does not allow this content: {RISK}",
    "onemin": f"1min.ai refused the content: {RISK}",
}


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.mark.parametrize("name", NAMES)
async def test_content_that_a_provider_does_not_allow_is_refused_in_its_words(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    vendors.by_name[name].on_create.append(OnCreate.REFUSE_CONTENT)
    async with started(scene, vendors, providers=first(name)):
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat", quality="pro")
        card = await shows(await used.response(), lambda message: "### Not made" in message.text)
    assert f"{OWN_WORDS[name]}. {FREE}" in card.text
    assert vendors.asked == {name}
    assert vendors.by_name[name].bill == []


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_provider_could_not_make_after_all_is_said_in_its_words(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    vendors.by_name[name].outcomes.append(Outcome.FAILED)
    async with started(scene, vendors, providers=(name,)):
        used = await scene.mia.slash(
            "animate", scene.channel, image=PICTURE, prompt="a boat", quality="pro", provider=name
        )
        card = await shows(await used.response(), lambda message: "### Not made" in message.text)
    assert FAILURE in card.text
    assert FREE in card.text
