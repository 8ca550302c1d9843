"""What a vendor is sent, as cURL: shown to moderators on a card, printed by a dry run, and the same when it is run."""

# ruff: noqa: ASYNC240 - the folders are small, and nothing else waits for the loop

import asyncio
import base64
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot import settings as environment
from bot.app import running
from bot.sandbox import Message, Permission, Person, shows
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import film
from tests.e2e.test_hostile import forged
from tests.held import held
from tests.shell import require
from tests.vendors.opened import NAMES, QuickClock, Vendors
from tests.vendors.vendor import OnCreate, Outcome, Seen

VARIABLES = {
    "kling": "KLING_API_KEY",
    "kkiai": "KKIAI_API_KEY",
    "aimlapi": "AIMLAPI_API_KEY",
    "onemin": "ONEMIN_API_KEY",
}
HOSTILE = 'it\'s "so" $HOME `touch pwned` $(touch pwned) \\ \\n ; touch pwned JSON @everyone'


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    return scene.guild.add_member(
        "ada", roles=[scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)]
    )


@asynccontextmanager
async def started(scene: Scene, vendors: Vendors, **changed: Any) -> AsyncGenerator[Bot]:
    known = {"public_url": "https://kinora.example", "web_port": 0} | changed
    async with held(running(vendors.settings(scene.settings, **known), clock=QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)


async def asked(scene: Scene, **options: Any) -> Message:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="it drifts", **options)
    return await used.response()


async def shown(person: Person, card: Message) -> Message:
    """What somebody gets to see who asks for the request."""
    answer = await (await person.click(card, "Show request")).response()
    assert answer.ephemeral_to is person.user
    return answer


def picture_of(vendors: Vendors, name: str) -> bytes:
    """The picture as the vendor got it."""
    if name == "onemin":
        [(_, _, data)] = vendors.onemin.assets.values()
        return data
    body = vendors.creates(name)[0].body
    return base64.b64decode((body.get("image") or body["image_url"]).rpartition(",")[2])


def compared(seen: Seen) -> dict[str, Any]:
    """A create without what must differ: the address for news, and what an upload was called."""
    body = {key: value for key, value in seen.body.items() if key != "callback_url"}
    if "promptObject" in body:
        body["promptObject"] = body["promptObject"] | {"imageUrl": None}
    return {"path": seen.path, "name": seen.headers.get("X-Client-Request-Id"), "body": body}


async def run(script: bytes, folder: Path, **variables: str) -> None:
    require("bash", "curl", "jq")
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere", **variables},
    )  # fmt: skip
    await process.communicate(script)
    assert process.returncode == 0


# ---- On a card


@pytest.mark.parametrize("name", NAMES)
async def test_a_moderator_gets_the_request_as_a_script_that_makes_the_same(
    scene: Scene, vendors: Vendors, ada: Person, tmp_path: Path, name: str
) -> None:
    vendor, folder = vendors.by_name[name], tmp_path / "moderators"
    async with started(scene, vendors):
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt=HOSTILE, provider=name)
        card = await used.response()
        await scene.clip_of(card)
        answer = await shown(ada, card)
    [script] = answer.files
    assert script.filename == "request-1.sh"
    text = script.data.decode()
    assert f"${VARIABLES[name]}" in text
    assert not [secret for secret in secrets(vendors, name) if secret in text + answer.text]
    folder.mkdir()
    (folder / "picture.png").write_bytes(picture_of(vendors, name))
    vendor.tasks.clear()  # Kling takes a name only once
    await run(script.data, folder, **{VARIABLES[name]: vendor.key})
    by_bot, by_script = vendors.creates(name)
    assert compared(by_script) == compared(by_bot)
    assert [path.name for path in folder.iterdir()] == ["picture.png"]
    assert (len(vendor.tasks), vendor.problems) == (1, [])


def secrets(vendors: Vendors, name: str) -> list[str]:
    """What must not be shown: every key, and the way that news takes."""
    url = vendors.creates(name)[0].body.get("callback_url")
    assert (url is not None) == (name in ("kling", "kkiai"))
    return [*(vendor.key for vendor in vendors.by_name.values()), *([url.rpartition("/")[2]] if url else [])]


async def test_short_commands_can_be_read_at_once(scene: Scene, vendors: Vendors, ada: Person) -> None:
    async with started(scene, vendors):
        answer = await shown(ada, await asked(scene, provider="kling"))
    [script] = answer.files
    assert answer.text.startswith("What kling is sent for job 1.")
    assert f"```sh\n{script.data.decode()}\n```" in answer.text
    assert "base64 < picture.png" in answer.text
    assert "https://callbacks.invalid/masked" in answer.text


async def test_it_is_shown_while_the_clip_is_made_after_it_failed_and_after_a_restart(
    scene: Scene, vendors: Vendors, ada: Person
) -> None:
    vendors.kling.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors):
        card = await asked(scene, provider="kling")
        await vendors.until(lambda: vendors.questions("kling"), "a poll")
        early = (await shown(ada, card)).files[0].data
        [task] = vendors.kling.tasks.values()
        task.outcome = Outcome.FAILED
        await shows(card, lambda message: "Not made" in message.text)
        assert (await shown(ada, card)).files[0].data == early
    async with started(scene, vendors):
        assert (await shown(ada, card)).files[0].data == early
    assert len(vendors.creates("kling")) == 1


async def test_it_is_the_request_to_whoever_made_it(scene: Scene, vendors: Vendors, ada: Person) -> None:
    vendors.kkiai.on_create.append(OnCreate.REFUSE_INPUT)
    async with started(scene, vendors, providers=("kkiai", "kling")):
        card = await asked(scene)
        await scene.clip_of(card)
        text = (await shown(ada, card)).files[0].data.decode()
    assert "$KLING_API_KEY" in text
    assert "-1-2" in text  # the second attempt's name


async def test_a_request_of_a_provider_that_is_gone_cannot_be_shown(
    scene: Scene, vendors: Vendors, ada: Person
) -> None:
    async with started(scene, vendors, providers=("kling",)):
        card = await asked(scene)
        await scene.clip_of(card)
    async with started(scene, vendors, providers=("kkiai",)):
        answer = await shown(ada, card)
    assert "not at hand any more" in answer.text
    assert answer.files == []


async def test_members_are_not_shown_it_not_even_their_own(scene: Scene, vendors: Vendors) -> None:
    async with started(scene, vendors):
        card = await asked(scene, provider="kling")
        await scene.clip_of(card)
        for person in (scene.mia, scene.guild.add_member("leo")):
            answer = await shown(person, card)
            assert answer.text.startswith("Only moderators of this server may do this:")
            assert answer.files == []


async def test_another_servers_request_does_not_exist(scene: Scene, vendors: Vendors) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    there = elsewhere.add_channel("general")
    eve = elsewhere.add_member("eve", roles=[elsewhere.add_role("crew", permissions=Permission.MANAGE_GUILD)])
    async with started(scene, vendors):
        await scene.clip_of(await asked(scene, provider="kling"))
        own = await (await eve.slash("video", there, prompt="a boat", provider="kling")).response()
        assert (await shown(eve, own)).files
        answer = await forged(eve, own, "job:1:request")
    assert "no such job" in answer.text
    assert answer.files == []


# ---- On the command line


async def kinora(
    vendors: Vendors, folder: Path, name: str, *arguments: str, scene: Scene
) -> tuple[int | None, str, str]:
    """`python -m bot generate`: status, standard output, standard error."""
    accounts = {
        **{variable: vendors.by_name[one].key for one, variable in VARIABLES.items()},
        "KLING_BASE_URL": vendors.kling.base_url,
        "KKIAI_BASE_URL": vendors.kkiai.base_url,
        "AIMLAPI_BASE_URL": vendors.aimlapi.url,
        "ONEMIN_BASE_URL": vendors.onemin.url,
    }
    (folder / "boat.png").write_bytes(PICTURE.data)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "generate", "--provider", name, "--image", "boat.png",
        "--prompt", "it drifts", "--out", "clip.mp4", *arguments,
        cwd=folder, stdout=PIPE, stderr=PIPE,
        env=environment.inherited(**scene.environment(), **accounts),
    )  # fmt: skip
    out, err = await process.communicate()
    said = out.decode() + err.decode()
    assert not [vendor.key for vendor in vendors.by_name.values() if vendor.key in said]
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("name", NAMES)
async def test_a_dry_run_sends_nothing(scene: Scene, vendors: Vendors, tmp_path: Path, name: str) -> None:
    status, said, errors = await kinora(vendors, tmp_path, name, "--dry-run", scene=scene)
    assert (status, errors) == (0, "")
    assert f"${VARIABLES[name]}" in said
    assert "boat.png" in said
    assert "It would make 5 s in " in said
    assert vendors.asked == set()
    assert [path.name for path in tmp_path.iterdir()] == ["boat.png"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_clip_is_made_without_discord(
    scene: Scene, vendors: Vendors, tmp_path: Path, name: str
) -> None:
    status, said, errors = await kinora(vendors, tmp_path, name, scene=scene)
    assert (status, errors) == (0, "")
    assert "clip.mp4: 320x180, 1.0 s" in said
    assert (tmp_path / "clip.mp4").read_bytes() == film()
    vendor = vendors.by_name[name]
    assert (len(vendors.creates(name)), len(vendor.bill), vendor.problems) == (1, 1, [])
    assert vendors.asked == {name}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (OnCreate.REFUSE_PAYMENT, "The operator's account at Kling has no credit left."),
        (OnCreate.REFUSE_INPUT, "Kling does not accept this request: "),
        (OnCreate.GATEWAY_TIMEOUT, "Nobody knows whether kling took it"),
    ],
)
async def test_a_clip_that_is_not_made_is_a_line(
    scene: Scene, vendors: Vendors, tmp_path: Path, how: OnCreate, words: str
) -> None:
    vendors.kling.on_create.append(how)
    status, _, errors = await kinora(vendors, tmp_path, "kling", scene=scene)
    assert status == 1
    assert errors.splitlines()[-1].startswith(words)
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["boat.png"]
    assert len(vendors.creates("kling")) == 1
