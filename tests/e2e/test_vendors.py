"""Every vendor behind the whole bot: the clip in the thread, the bill, the books, and what a card says when it fails."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.app import running
from bot.domain.errors import CatalogueInvalid
from bot.domain.provider import Spent
from bot.sandbox import File, Message, shows
from bot.settings import Settings
from tests.e2e.scenes import PICTURE, TOKEN, Bot, Scene
from tests.e2e.studio import film
from tests.held import held
from tests.vendors.opened import NAMES, QuickClock, StillClock, Vendors, ledger
from tests.vendors.vendor import FAILURE, OnCreate, Outcome


@dataclass
class Said:
    """Everything the bot said to anybody, in which no secret may stand."""

    logs: list[Any]
    lines: pytest.LogCaptureFixture
    scene: Scene

    def of(self, level: str) -> list[str]:
        return [entry["event"] for entry in self.logs if entry["log_level"] == level]

    def text(self) -> str:
        cards = [message.text for message in self.scene.channel.messages]
        return "\n".join([*map(str, self.logs), self.lines.text, *cards])


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture(autouse=True)
def said(scene: Scene, vendors: Vendors, caplog: pytest.LogCaptureFixture) -> Iterator[Said]:
    """What is logged and shown; at the end there must be no key in it, whatever happened."""
    with capture_logs() as logs:
        said = Said(logs, caplog, scene)
        yield said
    text = said.text()
    assert not [
        secret for secret in (TOKEN, *(one.key for one in vendors.by_name.values())) if secret in text
    ]


@pytest.fixture
def settings(scene: Scene, vendors: Vendors) -> Settings:
    return vendors.settings(scene.settings)


@pytest.fixture
async def bot(scene: Scene, settings: Settings) -> AsyncGenerator[Bot]:
    async with held(running(settings, clock=QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await Bot(app).is_sound()


async def asked(scene: Scene, command: str, **options: Any) -> Message:
    """The card of a request."""
    given = {"image": PICTURE, "prompt": "it drifts"} if command == "animate" else {"prompt": "a paper boat"}
    return await (await scene.mia.slash(command, scene.channel, **(given | options))).response()


# ---- A clip


SPENT = {
    "kling": Spent(Decimal("1.5"), "unit", Decimal("0.21")),
    "kkiai": Spent(Decimal("1.5"), "unit"),
    "aimlapi": Spent(Decimal(300_000), "credit", Decimal("0.15")),
    "onemin": None,
}
PRICES = {"kling": 21, "kkiai": 27, "aimlapi": 49, "onemin": 53}
SETTLED = PRICES | {"aimlapi": 15}
"""AI/ML API says what a clip really took, which is what is charged."""


@pytest.mark.parametrize("command", ["animate", "video"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_clip_arrives_in_the_thread_and_is_paid_for_once(
    *, scene: Scene, vendors: Vendors, bot: Bot, said: Said, name: str, command: str
) -> None:
    card = await asked(scene, command, provider=name)
    clip = await scene.clip_of(card)
    assert [thread.id for thread in scene.guild.threads] == [clip.channel_id]
    assert scene.clips() == [clip]
    assert clip.files[0].data == film()
    assert f"{name} · " in card.text
    vendor = vendors.by_name[name]
    assert (len(vendor.bill), len(vendors.creates(name)), vendor.downloads, vendor.problems) == (1, 1, 1, [])
    assert vendors.asked == {name}
    assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", SETTLED[name])]
    assert (await bot.job()).spent == SPENT[name]
    assert said.of("warning") == said.of("error") == []


async def test_a_pair_of_keys_signs_in_as_well(
    scene: Scene, vendors: Vendors, settings: Settings, said: Said
) -> None:
    pair = {
        "kling_api_key": None,
        "kling_access_key": SecretStr(vendors.kling.access_key),
        "kling_secret_key": SecretStr(vendors.kling.secret_key),
    }
    async with held(running(settings.model_copy(update=pair), clock=StillClock())) as app:
        await scene.application.ready()
        await scene.clip_of(await asked(scene, "animate", provider="kling"))
        assert await Bot(app).is_sound()
    tokens = {seen.headers["Authorization"].removeprefix("Bearer ") for seen in vendors.kling.seen}
    assert len(tokens) == 1
    assert not [secret for secret in (*tokens, vendors.kling.secret_key) if secret in said.text()]
    assert (len(vendors.kling.bill), vendors.kling.problems) == (1, [])


# ---- Failures


_NO_CREDIT = "The operator's account at {} has no credit left."
_NO_RIGHT = "The operator's account at {} may not be used for this."
_INPUT = "{} does not accept this request: "
_CONTENT = "{} does not allow this content: "
_GIVEN_UP = "{} could not make this clip: " + FAILURE
_ONEMIN_ACCOUNT = "1min.ai takes no requests of this bot right now; its operator has to see to that."
REFUSALS = {
    OnCreate.REFUSE_PAYMENT: _NO_CREDIT,
    OnCreate.REFUSE_KEY: _NO_RIGHT,
    OnCreate.REFUSE_INPUT: _INPUT,
    OnCreate.REFUSE_CONTENT: _CONTENT,
    Outcome.FAILED: _GIVEN_UP,
}
SENTENCES = {
    (name, how): sentence.format(title)
    for name, title in (("kling", "Kling"), ("kkiai", "kkiai"), ("aimlapi", "AI/ML API"))
    for how, sentence in REFUSALS.items()
} | {
    ("onemin", OnCreate.REFUSE_PAYMENT): _ONEMIN_ACCOUNT,
    ("onemin", OnCreate.REFUSE_KEY): _ONEMIN_ACCOUNT,
    (
        "onemin",
        OnCreate.REFUSE_INPUT,
    ): "1min.ai did not make the clip: promptObject.duration must be 5 or 10.",
    (
        "onemin",
        OnCreate.REFUSE_CONTENT,
    ): "1min.ai refused the content: Failure to pass the risk control system.",
    ("onemin", Outcome.FAILED): f"1min.ai did not make the clip: {FAILURE}",
}


@pytest.mark.parametrize(("name", "how"), SENTENCES)
async def test_a_refusal_is_a_sentence_and_costs_nothing(
    *, scene: Scene, vendors: Vendors, bot: Bot, said: Said, name: str, how: OnCreate | Outcome
) -> None:
    vendor = vendors.by_name[name]
    if isinstance(how, OnCreate):
        vendor.on_create.append(how)
    else:
        vendor.outcomes.append(how)
    card = await asked(scene, "animate", provider=name)
    await shows(card, lambda shown: "Not made" in shown.text)
    assert SENTENCES[name, how] in card.text
    assert "Nothing was charged." in card.text
    assert [button.label for button in card.buttons] == ["Show request"]
    assert vendor.bill == []
    assert vendors.asked == {name}
    assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("refund", PRICES[name])]
    is_operators = how in (OnCreate.REFUSE_PAYMENT, OnCreate.REFUSE_KEY)
    assert said.of("error") == (["provider refuses the account"] if is_operators else [])
    assert "Acme" not in said.text()  # the team that 1min.ai names
    assert "John Private" not in said.text()


@pytest.mark.parametrize("name", NAMES)
async def test_content_that_one_provider_refuses_is_offered_to_no_other(
    scene: Scene, vendors: Vendors, settings: Settings, name: str
) -> None:
    others = [one for one in ("onemin", "aimlapi", "kkiai", "kling") if one != name]
    first = settings.model_copy(update={"providers": (name, *others), "default_user_daily_credits": None})
    vendors.by_name[name].on_create.append(OnCreate.REFUSE_CONTENT)
    async with held(running(first, clock=QuickClock())) as app:
        await scene.application.ready()
        await shows(
            await asked(scene, "video", quality="pro"), lambda shown: "Nothing was charged." in shown.text
        )
        assert (await Bot(app).job()).tried == ()
    assert vendors.asked == {name}


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("name", NAMES)
async def test_a_busy_provider_is_asked_again_when_it_says(scene: Scene, vendors: Vendors, name: str) -> None:
    vendors.by_name[name].on_create.append(OnCreate.BUSY)
    await scene.clip_of(await asked(scene, "video", provider=name))
    assert len(vendors.creates(name)) == 2
    assert len(vendors.by_name[name].bill) == 1
    assert vendors.asked == {name}


# ---- What the catalogue does not know, and what the operator says instead


async def test_a_model_that_nobody_knows_goes_to_the_provider_as_typed(
    scene: Scene, vendors: Vendors, bot: Bot
) -> None:
    card = await asked(
        scene, "video", provider="kling", model="kling-v9-Turbo.beta", duration=7, quality="4k"
    )
    assert (
        "⚠ kling-v9-Turbo.beta is not a model that this bot knows; it is passed on to kling as it is."
        in card.text
    )
    await shows(card, lambda shown: "Not made" in shown.text)
    assert "Kling does not offer this model for such a clip: model kling-v9-Turbo.beta" in card.text.replace(
        "\\", ""
    )
    body = vendors.creates("kling")[-1].body
    assert (body["model_name"], body["duration"], body["mode"]) == ("kling-v9-Turbo.beta", "7", "4k")
    assert vendors.asked == {"kling"}
    assert await bot.app.db.read(ledger()) == [("reserve", 294), ("refund", 294)]  # the dearest, 4k of 3.0


@pytest.mark.usefixtures("bot")
async def test_a_model_that_is_said_to_be_gone_is_made_with_a_caution(scene: Scene) -> None:
    card = await asked(scene, "video", provider="kling", model="kling-v2-1-master")
    assert "⚠ Kling is reported to have taken this model off its own API" in card.text
    await scene.clip_of(card)


OWN_ROW = """
[[model]]
provider = "kling"
id = "kling-v2-5-turbo"
name = "Our Turbo"
tasks = ["text_to_video"]
qualities = ["pro"]
durations_s = [5, 10]
aspects = ["16:9"]
parameters = ["prompt"]
price = {{ per_second = {{ pro = {price} }}, unit_credits = 1 }}
"""


async def test_the_operators_price_takes_the_place_of_the_shipped_one(
    scene: Scene, settings: Settings
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "models.toml").write_text(OWN_ROW.format(price=3), encoding="utf-8")
    async with held(running(settings, clock=QuickClock())) as app:
        await scene.application.ready()
        card = await asked(scene, "video")
        await scene.clip_of(card)
        assert "kling · kling-v2-5-turbo · 5 s · pro · 15 credits" in card.text
        assert await app.db.read(ledger()) == [("reserve", 15), ("settle", 15)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OWN_ROW.format(price=-3), "kling-v2-5-turbo"),
        (OWN_ROW.format(price=3).replace("qualities", "qualitys"), "kling-v2-5-turbo"),
        (OWN_ROW.format(price=3) * 2, "two rows"),
        ("[[model]\n", "is not TOML"),
        ("[[modell]]\n", "modell"),
    ],
)
async def test_a_file_of_models_that_is_wrong_stops_the_start_with_a_sentence(
    settings: Settings, text: str, words: str
) -> None:
    settings.data_dir.mkdir()
    path = settings.data_dir / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExceptionGroup) as raised:  # of one, which the command line turns into a line
        async with running(settings):
            pass
    [fault] = raised.value.exceptions
    assert isinstance(fault, CatalogueInvalid)
    message = str(fault)
    assert message.startswith(str(path))
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message


# ---- What cannot be expressed


END = {"end_frame": File("end.png", PICTURE.data)}
CAMERA = {"camera": "zoom", "camera_amount": 3}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "camera at 2.6": ("animate", {"model": "kling-v2-6", **CAMERA}, "Kling 2.6 does not take camera moves with an amount; leave it out."),
    "camera preset at 1.5": ("animate", {"model": "kling-v1-5", "camera": "down_back"}, "Kling 1.5 does not take composed camera moves; leave it out."),
    "voices without sound": ("animate", {"model": "kling-v2-6", "quality": "pro", "voices": "7"}, "Voices need sound; switch sound on."),
    "4k at kkiai": ("animate", {"provider": "kkiai", "model": "kling-v3", "quality": "4k"}, "Kling 3.0 has the quality std or pro, not 4k."),
    "aspect of a picture": ("animate", {"provider": "kling", "aspect": "1:1"}, "follows the shape of the picture; leave the aspect out."),
    "7 s": ("video", {"model": "kling-v2-6", "duration": 7}, "Kling 2.6 makes clips of 5 or 10 seconds, not 7."),
    "sound in std": ("video", {"provider": "kling", "model": "kling-v2-6", "quality": "std", "sound": True}, "Kling 2.6 takes sound only in pro, not in std of 5 s."),
    "end frame with sound": ("animate", {"provider": "kling", "model": "kling-v2-6", "sound": True, **END}, "Kling 2.6 takes only one of an end frame and sound."),
    "guidance at 3.0": ("video", {"provider": "kling", "model": "kling-v3", "guidance": 0.5}, "Kling 3.0 does not take guidance; leave it out."),
    "sound at 1min": ("video", {"provider": "onemin", "sound": True}, "does not take sound; leave it out."),
    "another's model": ("video", {"provider": "onemin", "model": "kling-v2-6"}, "Choose one of the models at hand: "),
    "unknown provider": ("video", {"provider": "sora"}, "Choose one of the providers at hand: kling, kkiai, aimlapi, onemin."),
    "no such name": ("video", {"provider": "kling", "model": "kling v3"}, "The names of models and providers are letters"),
    "a move without an amount": ("video", {"camera_amount": 3}, "Choose the camera move that the amount is for."),
    "three voices": ("video", {"model": "kling-v3", "sound": True, "voices": "1,2,3"}, "voices: "),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_expressed_is_refused_privately_and_sent_nowhere(
    scene: Scene, vendors: Vendors, bot: Bot, name: str
) -> None:
    command, options, words = REFUSED[name]
    answer = await asked(scene, command, **options)
    assert words in answer.text
    assert answer.text.endswith("Nothing was charged.")
    assert answer.ephemeral_to is scene.mia.user
    assert scene.channel.messages == []
    assert vendors.asked == set()
    assert await bot.app.db.read(ledger()) == []
