"""The doctor, with a Discord and vendors on the loopback: it finds what is wrong, and orders nothing."""

import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import running
from bot.db import jobs
from bot.db.sqlite import SqliteDatabase
from bot.doctor import examine, machine
from bot.domain.findings import Finding, Level
from bot.media.blobs import Blobs
from bot.sandbox import Sandbox
from bot.settings import Settings
from tests import builders
from tests.bucket import Bucket
from tests.held import held
from tests.vendors.opened import Vendors

TOKEN = "a-token-for-tests"
NAMES = ("kling", "kkiai", "aimlapi", "onemin")


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path, vendors: Vendors) -> Settings:
    sandbox.add_guild("Film club", app=sandbox.add_application("Kinora", token=TOKEN))
    (tmp_path / "data").mkdir()
    plain = Settings.model_validate(
        {
            "discord_token": TOKEN,
            "discord_api_url": sandbox.api_url,
            "discord_gateway_url": sandbox.gateway_url,
            "data_dir": tmp_path / "data",
            "web_port": 0,
            "owner_ids": (1,),
        }
    )
    return vendors.settings(plain, providers=NAMES)


async def found(settings: Settings) -> dict[str, Finding]:
    return {finding.about: finding async for finding in examine(settings)}


async def test_where_everything_is_well_it_says_so_and_orders_nothing(
    settings: Settings, vendors: Vendors
) -> None:
    await (await SqliteDatabase.open(settings.database_path)).close()
    seen = await found(settings)
    doubtful = {about for about, finding in seen.items() if finding.level is not Level.FINE}
    assert doubtful <= {"Commands", "Intents", "onemin", "Disk"}
    assert seen["kling"].words == "the key works; 118.5 units."
    assert seen["aimlapi"].words == "the key works; 12.5 USD."
    assert "whether the key works" in seen["onemin"].words
    assert "the books hold" in seen["Database"].words
    assert "Kinora, in 1 server." in seen["Discord"].words
    assert "agrees" in seen["Clock"].words
    for name in NAMES:
        assert [one.method for one in vendors.by_name[name].seen] == ["GET"]
        assert vendors.by_name[name].bill == []


async def test_keys_that_are_refused_are_faults(settings: Settings, vendors: Vendors) -> None:
    for name in NAMES:
        vendors.by_name[name].key = "another"
    seen = await found(settings)
    for name in NAMES:
        assert (seen[name].level, seen[name].words) == (Level.FAULT, "it does not accept the key.")


async def test_an_account_without_credit_is_said(settings: Settings, vendors: Vendors) -> None:
    vendors.aimlapi.balance = 0
    finding = (await found(settings))["aimlapi"]
    assert (finding.level, finding.words) == (Level.DOUBT, "the key works, but 0 USD are left.")


async def test_a_provider_that_is_away_is_no_fault_of_the_bots(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = settings.model_copy(update={"aimlapi_base_url": f"http://127.0.0.1:{port}"})
    finding = (await found(away))["aimlapi"]
    assert finding.level is Level.DOUBT
    assert "cannot be reached" in finding.words


async def test_a_token_that_discord_does_not_know_is_a_fault(settings: Settings) -> None:
    wrong = Settings.model_validate({**settings.model_dump(), "discord_token": "another"})
    finding = (await found(wrong))["Discord"]
    assert (finding.level, finding.words) == (Level.FAULT, "it does not accept DISCORD_TOKEN.")


async def test_a_discord_that_is_away_is_a_fault(settings: Settings) -> None:
    away = settings.model_copy(update={"discord_api_url": "http://127.0.0.1:9"})
    finding = (await found(away))["Discord"]
    assert finding.level is Level.FAULT
    assert "cannot be reached" in finding.words


async def test_a_clock_that_is_minutes_off_is_a_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.doctor.discord._now_s", lambda: 1_000_000_000.0)
    finding = (await found(settings))["Clock"]
    assert finding.level is Level.FAULT
    assert "behind Discord's" in finding.words


async def test_a_damaged_database_is_a_fault(settings: Settings) -> None:
    await (await SqliteDatabase.open(settings.database_path)).close()
    data = bytearray(settings.database_path.read_bytes())
    data[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    settings.database_path.write_bytes(data)
    finding = (await found(settings))["Database"]
    assert finding.level is Level.FAULT
    assert "docs/operation.md" in finding.todo


async def test_a_missing_token_is_said_and_the_rest_is_looked_at(settings: Settings) -> None:
    seen = await found(Settings.model_validate({**settings.model_dump(), "discord_token": None}))
    assert seen["Settings"].level is Level.FAULT
    assert {"Disk", "Codecs", "kling"} <= seen.keys()
    assert "Discord" not in seen


async def test_a_port_that_is_taken_is_said(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = settings.model_copy(update={"web_port": taken.getsockname()[1]})
        finding = (await found(busy))["Web server"]
    assert finding.level is Level.FAULT
    assert finding.todo == "Set WEB_PORT to one that is free."


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_said(settings: Settings, host: str) -> None:
    finding = machine.port(settings.model_copy(update={"web_host": host}), is_running=False)
    assert finding.level is Level.FAULT
    assert finding.words.count(host) == 1
    assert finding.todo == "Correct WEB_HOST or WEB_PORT."


def test_an_address_may_be_one_of_version_6(settings: Settings) -> None:
    finding = machine.port(settings.model_copy(update={"web_host": "::1"}), is_running=False)
    assert "family" not in finding.words  # which is what is said where it is taken for one of version 4


async def test_beside_a_running_bot_it_looks_in_and_finds_the_way_back(
    settings: Settings, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    async with held(running(settings)) as app:
        public = settings.model_copy(update={"public_url": f"http://127.0.0.1:{app.port}"})
        seen = await found(public)
        assert seen["Web server"].words.endswith("is the running bot's.")
        assert (seen["PUBLIC_URL"].level, seen["Commands"].level) == (Level.FINE, Level.FINE)
        assert seen["Metrics"].level is Level.DOUBT
        elsewhere = settings.model_copy(update={"public_url": vendors.onemin.url})
        assert (await found(elsewhere))["PUBLIC_URL"].level is Level.DOUBT


async def test_no_key_is_in_what_it_says(settings: Settings, vendors: Vendors) -> None:
    said = "\n".join(str(finding) for finding in (await found(settings)).values())
    assert not [key for key in (TOKEN, *(vendors.by_name[name].key for name in NAMES)) if key in said]


async def test_less_room_than_the_reserve_is_a_fault(settings: Settings) -> None:
    finding = (await found(settings.model_copy(update={"disk_reserve_mb": 999_999_999})))["Disk"]
    assert finding.level is Level.FAULT
    assert "DISK_RESERVE_MB (999,999,999 MB)" in finding.words


async def test_a_data_dir_that_cannot_be_made_is_a_fault(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "x" / "y"):
        finding = (await found(settings.model_copy(update={"data_dir": folder})))["Disk"]
        assert (finding.level, finding.todo) == (
            Level.FAULT,
            "A file is in the way: set DATA_DIR to a folder.",
        )


async def test_looking_leaves_nothing_in_a_data_dir(settings: Settings, tmp_path: Path) -> None:
    await found(settings.model_copy(update={"data_dir": tmp_path / "new" / "data"}))
    assert not (tmp_path / "new").exists()
    await found(settings)
    assert list(settings.data_dir.iterdir()) == []


async def test_files_that_jobs_name_and_that_are_not_there_are_counted(settings: Settings) -> None:
    blobs = Blobs.open(settings.blob_location)
    kept, lost = [await blobs.put(data, max_bytes=10) for data in (b"kept", b"lost")]
    db = await SqliteDatabase.open(settings.database_path)
    for blob in (kept, lost):
        request = builders.request(image=builders.PICTURE.model_copy(update={"blob": blob.hash}))
        wanted = jobs.accept(
            builders.origin(), request, builders.choice(), defaults=builders.NO_CAPS, now_ms=1_000
        )
        await db.write(wanted)
    await db.close()
    assert (await found(settings))["Files"].level is Level.FINE
    assert "sound, 2 jobs, 2 of them open" in (await found(settings))["Database"].words
    await blobs.delete(lost.hash)
    finding = (await found(settings))["Files"]
    assert finding.level is Level.DOUBT
    assert finding.words.startswith("1 of the 2 newest pictures and clips are not in ")
    shutil.rmtree(settings.blob_location)
    for _ in "first", "again":  # looking makes no folder
        assert (await found(settings))["Files"].words.startswith("2 of the 2 newest")


async def test_a_folder_of_files_that_cannot_be_written_is_a_fault(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in ("file", "file/blobs"):
        finding = (await found(settings.model_copy(update={"blob_url": str(tmp_path / place)})))["Files"]
        assert finding.level is Level.FAULT
        assert "cannot be written: Not a directory" in finding.words
        assert "BLOB_URL" in finding.todo


async def test_what_run_refuses_of_klings_secrets_is_a_fault(settings: Settings) -> None:
    for wrong in ({"kling_webhook_secret": "whsec_not base64"}, {"kling_access_key": "a"}):
        plain = settings.model_dump() | {"kling_access_key": None, "kling_secret_key": None}
        finding = (await found(Settings.model_validate(plain | wrong)))["Settings"]
        assert finding.level is Level.FAULT
        assert next(iter(wrong)).upper() in finding.words


async def test_a_database_that_was_moved_away_from_a_running_bot_is_a_fault(
    settings: Settings, tmp_path: Path
) -> None:
    db = await SqliteDatabase.open(settings.database_path)
    settings.database_path.rename(tmp_path / "elsewhere.db")
    seen = await found(settings)
    await db.close()
    assert seen["Database"].level is Level.FAULT
    assert "moved away" in seen["Database"].words
    assert seen["Web server"].words.endswith("is the running bot's.")
    assert "is gone" in (await found(settings))["Database"].words  # whose log is left


async def test_a_bucket_is_tried_and_what_it_refuses_is_said(settings: Settings, bucket: Bucket) -> None:
    chosen = Settings.model_validate({**settings.model_dump(), **bucket.variables})
    finding = (await found(chosen))["Files"]
    assert (finding.level, finding.words) == (
        Level.FINE,
        f"kept in {bucket.url}, which can be written, read and cleared.",
    )
    assert list(settings.data_dir.iterdir()) == []
    missing = chosen.model_copy(update={"blob_url": "s3://kinora-nowhere"})
    finding = (await found(missing))["Files"]
    assert (finding.level, finding.words) == (
        Level.FAULT,
        "s3://kinora-nowhere cannot be listed (NoSuchBucket).",
    )
    assert "AWS_" in finding.todo


async def test_postgresql_is_looked_at_too(settings: Settings, postgres_url: str) -> None:
    url = postgres_url.replace("kinora@", "kinora:hunter2@")
    seen = await found(settings.model_copy(update={"database_url": url}))
    assert "the books hold" in seen["Database"].words
    nowhere = await found(settings.model_copy(update={"database_url": f"{url}_nowhere"}))
    assert nowhere["Database"].level is Level.FAULT
    assert "does not exist" in nowhere["Database"].words
    assert "hunter2" not in f"{seen} {nowhere}"
