import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot import settings
from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.money import Scope
from bot.settings import KNOWN_PROVIDERS, Settings, SettingsInvalid

EXAMPLE = Path(__file__).parents[1] / ".env.example"
TOKEN = "MTIzNDU2Nzg5MDEy.GabcdE.secret_part-of-the-token"

SECRETS = [name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]

CONTRACT: dict[str, Any] = {
    "discord_token": None,
    "discord_api_url": "https://discord.com/api/v10",
    "discord_gateway_url": "wss://gateway.discord.gg",
    "data_dir": Path("data"),
    "database_path": Path("data/kinora.db"),
    "blob_location": str(Path("data/blobs")),
    "provider_order": ("local",),
    "local_concurrency": os.cpu_count() or 1,
    "kling_concurrency": 3,
    "kkiai_concurrency": 3,
    "aimlapi_concurrency": 3,
    "onemin_concurrency": 1,
    "kling_base_url": "https://api-singapore.klingai.com",
    "kkiai_base_url": "https://www.kkiai.com/kling",
    "aimlapi_base_url": "https://api.aimlapi.com",
    "onemin_base_url": "https://api.1min.ai",
    "web_host": "127.0.0.1",
    "web_port": 8080,
    "public_url": None,
    "metrics_token": None,
    "originals_days": 90,
    "pictures_days": None,
    "owner_ids": (),
    "reads_messages": None,
    "log_level": "info",
    "log_format": "auto",
    "default_guild_ceiling_credits": None,
    "default_guild_monthly_credits": 10_000,
    "default_user_daily_credits": 500,
    "default_user_queued": 10,
    "default_user_running": 2,
    "default_guild_running": 5,
}
"""What operators were promised to get without a single setting."""

Given = Callable[..., Settings]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without settings, and a folder without a `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    def load(**environment: str) -> Settings:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return settings.load()

    return load


def example() -> dict[str, tuple[str, str]]:
    """Name: the value and the comment above it, in the example file."""
    entries: dict[str, tuple[str, str]] = {}
    before = ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"(?:# )?([A-Z][A-Z_]+)=(.*)", line):
            assert found[1] not in entries
            entries[found[1]] = (found[2], before)
        before = line
    return entries


def test_the_example_has_every_setting_and_no_other() -> None:
    assert set(example()) == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_every_setting_is_explained_in_a_line(name: str) -> None:
    _, comment = example()[name]
    assert re.fullmatch(r"# [A-Z].{20,}\.", comment)


def test_the_example_shows_the_defaults(given: Given) -> None:
    examples = ("LOCAL_CONCURRENCY", "PROVIDERS", "PUBLIC_URL", "OWNER_IDS")  # of what a default cannot show
    shown = {name: value for name, (value, _) in example().items() if name not in examples}
    chosen, usual = given(**shown), Settings()
    for name in CONTRACT:
        if name != "local_concurrency":
            assert getattr(chosen, name) == getattr(usual, name)


def test_who_does_not_ask_for_the_operators_file_does_not_read_it(bare: Path) -> None:
    (bare / ".env").write_text("KLING_API_KEY=a-key-that-costs\n")
    assert Settings().provider_order == ("local",)
    assert Settings.model_validate({"data_dir": bare}).provider_order == ("local",)
    assert settings.load().provider_order == ("kling",)


def test_the_example_as_it_is_changes_nothing(bare: Path, given: Given) -> None:
    (bare / ".env").write_bytes(EXAMPLE.read_bytes())
    assert given() == Settings.model_construct(**Settings().model_dump())
    with pytest.raises(SettingsInvalid, match="DISCORD_TOKEN is not set"):
        _ = given().token


@pytest.mark.parametrize("name", CONTRACT)
def test_the_defaults_are_as_promised(name: str, given: Given) -> None:
    assert getattr(given(), name) == CONTRACT[name]


MEAN_SOMETHING_EMPTY = ("default_", "originals_", "guild_data_")


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if not name.startswith(MEAN_SOMETHING_EMPTY)]
)
def test_an_empty_setting_is_as_if_left_out(name: str, given: Given) -> None:
    assert getattr(given(**{name.upper(): ""}), name) == Settings.model_fields[name].default


@pytest.mark.parametrize(
    ("days", "last_ms"), [("", None), (" ", None), ("1", 86_400_000), ("90", 7_776_000_000)]
)
def test_originals_are_kept_for_days_or_for_ever(days: str, last_ms: int | None, given: Given) -> None:
    assert given(ORIGINALS_DAYS=days).originals_last_ms == last_ms


@pytest.mark.parametrize(("days", "last_ms"), [("", None), ("30", 2_592_000_000)])
def test_what_a_server_leaves_behind_is_kept_for_days_or_for_ever(
    days: str, last_ms: int | None, given: Given
) -> None:
    assert given(GUILD_DATA_DAYS=days).guild_data_lasts_ms == last_ms


@pytest.mark.parametrize("days", ["0", "-1", "x", "36501"])
def test_a_length_of_time_that_is_none_is_said(days: str, given: Given) -> None:
    with pytest.raises(SettingsInvalid, match="ORIGINALS_DAYS"):
        given(ORIGINALS_DAYS=days)


CAPS = {
    "default_guild_ceiling_credits": (Scope.OPERATOR, Measure.MONTH),
    "default_guild_monthly_credits": (Scope.SERVER, Measure.MONTH),
    "default_guild_running": (Scope.SERVER, Measure.RUNNING),
    "default_user_daily_credits": (Scope.MEMBER, Measure.DAY),
    "default_user_queued": (Scope.MEMBER, Measure.QUEUED),
    "default_user_running": (Scope.MEMBER, Measure.RUNNING),
}


@pytest.mark.parametrize("name", CAPS)
@pytest.mark.parametrize(("value", "cap"), [("", None), ("  ", None), ("0", 0), ("7", 7)])
def test_a_cap_that_is_empty_is_none_and_nought_allows_nothing(
    name: str, value: str, cap: int | None, given: Given
) -> None:
    chosen = given(**{name.upper(): value})
    assert getattr(chosen, name) == cap
    scope, measure = CAPS[name]
    own = chosen.default_limits.of(scope)
    assert own.get(measure) == cap
    assert (measure in own) is (cap is not None)


def test_a_new_server_starts_with_the_defaults(given: Given) -> None:
    assert {name for name in Settings.model_fields if name.startswith("default_")} == CAPS.keys()
    assert given().default_limits == Limits(
        tuple(
            Limit(scope, EVERYBODY, measure, CONTRACT[name])
            for name, (scope, measure) in CAPS.items()
            if CONTRACT[name] is not None
        )
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LOG_LEVEL", "loud", "write 'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "write 'auto', 'json' or 'console'"),
        ("LOCAL_CONCURRENCY", "0", "write a number that is at least 1"),
        ("LOCAL_CONCURRENCY", "many", "write a whole number"),
        ("WEB_PORT", "70000", "write a number that is at most 65535"),
        ("OWNER_IDS", "5, 0", "write a number above 0"),
        ("OWNER_IDS", str(2**63), f"write a number below {2**63}"),
        ("OWNER_IDS", "9" * 5000, "the number is too large"),
        ("KLING_BASE_URL", "http://example.com", "write it with https; plain http is for this machine only"),
        ("DEFAULT_USER_QUEUED", "-1", "write a number that is at least 0"),
        ("DEFAULT_GUILD_MONTHLY_CREDITS", "1e99x", "write a whole number"),
        ("DEFAULT_USER_DAILY_CREDITS", "1.5", "write a whole number"),
    ],
)
def test_a_wrong_value_is_said_in_a_sentence_that_names_the_setting(
    name: str, value: str, words: str, given: Given
) -> None:
    with pytest.raises(SettingsInvalid) as error:
        given(**{name: value})
    assert str(error.value) == f"{name} in the environment or .env is not valid: {words}."


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOG_LEVEL", "WARNING"), ("LOG_FORMAT", "Json"), ("MESSAGE_CONTENT_INTENT", " True ")],
)
def test_a_word_may_be_written_in_any_case(name: str, value: str, given: Given) -> None:
    assert getattr(given(**{name: value}), name.lower()) == value.strip().lower()


def test_secrets_do_not_show(given: Given) -> None:
    chosen = given(DISCORD_TOKEN=f" {TOKEN} ", DATABASE_URL="postgresql://kinora:hunter2@db/kinora")
    for text in (repr(chosen), str(chosen), f"{chosen}", repr(chosen.model_dump(exclude={"database_url"}))):
        assert "secret_part" not in text
        assert "hunter2" not in text
    assert chosen.token == TOKEN


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("inside", ["\n", "\r\n", "\t", "\x1b", "\x7f", "\u200b"], ids=repr)
def test_a_secret_with_a_line_break_or_the_like_inside_is_refused_and_not_repeated(
    name: str, inside: str, given: Given
) -> None:
    assert given(**{name: " one-part \r\n"})
    with pytest.raises(SettingsInvalid, match=f"^{name} in .* invisible character in it") as error:
        given(**{name: f"one-part{inside}another"})
    assert "part" not in str(error.value)


@pytest.mark.parametrize("value", ["", "   "])
def test_without_a_token_the_way_to_one_is_told(value: str, given: Given) -> None:
    with pytest.raises(SettingsInvalid, match="DISCORD_TOKEN is not set") as error:
        _ = given(DISCORD_TOKEN=value).token
    assert "make demo" in str(error.value)


def test_the_file_is_read_and_the_environment_wins(bare: Path, given: Given) -> None:
    (bare / ".env").write_text("LOG_LEVEL=debug\nDATA_DIR=elsewhere\nUNKNOWN=1\n")
    chosen = given(LOG_LEVEL="error")
    assert (chosen.log_level, chosen.data_dir) == ("error", Path("elsewhere"))


def test_a_file_from_windows_hides_nothing(bare: Path, given: Given) -> None:
    (bare / ".env").write_bytes(b"\xef\xbb\xbfDISCORD_TOKEN=abc\r\nLOG_LEVEL=debug\r\n")
    assert (given().token, given().log_level) == ("abc", "debug")


def test_a_file_in_another_encoding_is_refused_in_words(bare: Path, given: Given) -> None:
    (bare / ".env").write_bytes("DATA_DIR=données\n".encode("latin-1"))
    with pytest.raises(SettingsInvalid, match="save it as UTF-8"):
        given()


@pytest.mark.parametrize(
    ("value", "order"), [("", ("local",)), (" , ", ("local",)), (" local ,", ("local",))]
)
def test_providers_are_a_list_with_commas(value: str, order: tuple[str, ...], given: Given) -> None:
    assert given(PROVIDERS=value).provider_order == order


def test_an_unknown_provider_is_named_with_those_there_are(given: Given) -> None:
    with pytest.raises(SettingsInvalid) as error:
        _ = given(PROVIDERS="local,sora, runway").provider_order
    assert (
        str(error.value) == f"PROVIDERS names sora, runway; this version knows {', '.join(KNOWN_PROVIDERS)}."
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data/k.db", "data/k.db"),
        ("sqlite:////srv/k.db", "/srv/k.db"),
        ("sqlite:///./a b.db", "a b.db"),
    ],
)
def test_a_database_is_a_file(url: str, path: str, given: Given) -> None:
    assert given(DATABASE_URL=url).database_path == Path(path)


@pytest.mark.parametrize(
    "url",
    ["mysql://u:hunter2@db/kinora", "sqlite:///", "sqlite://k.db", "k.db", "mysql:///x", "postgresql:x"],
)
def test_another_kind_of_database_is_refused_without_showing_its_password(url: str, given: Given) -> None:
    with pytest.raises(
        SettingsInvalid, match=r"A database is written like sqlite:///data/kinora.db"
    ) as error:
        _ = given(DATABASE_URL=url).database_path
    assert "hunter2" not in str(error.value)


def test_postgresql_is_a_database_whose_url_nothing_prints(given: Given) -> None:
    chosen = given(DATABASE_URL="postgresql://kinora:hunter2@db/kinora").database
    assert isinstance(chosen, SecretStr)
    assert chosen.get_secret_value() == "postgresql://kinora:hunter2@db/kinora"
    assert "hunter2" not in f"{chosen!r} {chosen}"


def test_postgresql_without_its_driver_says_how_to_install_it(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsInvalid, match="make cluster"):
        _ = given(DATABASE_URL="postgresql://db/kinora").database


def test_what_needs_a_file_says_so_where_the_database_is_none(given: Given) -> None:
    with pytest.raises(SettingsInvalid, match="needs SQLite"):
        _ = given(DATABASE_URL="postgresql://db/kinora").database_path


def test_the_folder_takes_the_database_and_the_blobs_along(given: Given) -> None:
    chosen = given(DATA_DIR="/srv/kinora")
    assert chosen.database_path == Path("/srv/kinora/kinora.db")
    assert chosen.blob_location == str(Path("/srv/kinora/blobs"))
    assert given(BLOB_URL="s3://clips/kinora").blob_location == "s3://clips/kinora"


@pytest.mark.parametrize("name", ["DISCORD_API_URL", "DISCORD_GATEWAY_URL"])
def test_an_address_may_end_in_a_slash(name: str, given: Given) -> None:
    assert getattr(given(**{name: "http://127.0.0.1:9000/x/"}), name.lower()) == "http://127.0.0.1:9000/x"


def test_settings_do_not_change(given: Given) -> None:
    with pytest.raises(ValueError, match="frozen"):
        given().data_dir = Path("x")


def test_a_child_process_has_the_settings_that_it_is_given_and_none_of_the_operators(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_API_KEY", "a-key-that-costs")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(bare))
    (bare / "onemin_api_key").write_text("another")
    (bare / ".env").write_text("DEFAULT_USER_DAILY_CREDITS=0\n")
    passed_on = settings.inherited(DATA_DIR="x")
    assert "DATA_DIR" not in os.environ
    monkeypatch.setattr(os, "environ", passed_on)
    found = settings.load()
    assert (found.data_dir, found.provider_order) == (Path("x"), ("local",))
    assert found.default_user_daily_credits == 500
    assert passed_on["PATH"]


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ({"ONEMIN_API_KEY": "k", "KLING_API_KEY": "k"}, ("kling", "onemin")),
        ({"KLING_ACCESS_KEY": "a", "KLING_SECRET_KEY": "s"}, ("kling",)),
        ({"KLING_API_KEY": "  ", "ONEMIN_API_KEY": "k"}, ("onemin",)),
        ({"KKIAI_API_KEY": "k", "AIMLAPI_API_KEY": "k"}, ("kkiai", "aimlapi")),
    ],
)
def test_every_provider_with_a_key_is_used(
    keys: dict[str, str], order: tuple[str, ...], given: Given
) -> None:
    chosen = given(**keys)
    assert chosen.provider_order == order
    assert chosen.makes_drafts


def test_the_order_is_the_operators(given: Given) -> None:
    chosen = given(PROVIDERS="onemin, kling", ONEMIN_API_KEY="k", KLING_API_KEY="k", KKIAI_API_KEY="k")
    assert chosen.provider_order == ("onemin", "kling")
    assert not chosen.makes_drafts


@pytest.mark.parametrize(
    ("half", "missing"),
    [("KLING_ACCESS_KEY", "KLING_SECRET_KEY"), ("KLING_SECRET_KEY", "KLING_ACCESS_KEY")],
)
def test_half_a_pair_of_keys_is_refused_with_the_name_of_the_other(
    half: str, missing: str, given: Given
) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{half} is set, but {missing} is not"):
        _ = given(**{half: "a"}).provider_order


@pytest.mark.parametrize("name", [name for name in KNOWN_PROVIDERS if name != "local"])
def test_a_provider_that_is_named_needs_its_key(name: str, given: Given) -> None:
    with pytest.raises(SettingsInvalid, match=f"{name.upper()}_API_KEY.* is not set"):
        _ = given(PROVIDERS=name).provider_order


@pytest.mark.parametrize(
    "url",
    [
        "api.1min.ai",
        "ftp://api.1min.ai",
        "http://api.1min.ai",
        "https://x/?a=b",
        "https://",
        "https://me:pw@x",
    ],
)
def test_a_base_url_is_an_https_url(url: str, given: Given) -> None:
    with pytest.raises(SettingsInvalid, match="ONEMIN_BASE_URL"):
        given(ONEMIN_BASE_URL=url)


def test_a_base_url_on_this_machine_may_be_plain(given: Given) -> None:
    chosen = given(ONEMIN_BASE_URL="http://127.0.0.1:9000/")
    assert chosen.onemin_base_url == "http://127.0.0.1:9000"
    assert "127.0.0.1" in chosen.trusted_hosts


def test_the_usual_hosts_need_no_trust(given: Given) -> None:
    assert given().trusted_hosts == frozenset()
    assert given(KLING_BASE_URL="https://API-Singapore.klingai.com/v2/").trusted_hosts == frozenset()


@pytest.mark.parametrize(
    ("name", "url", "host"),
    [
        ("KLING_BASE_URL", "https://api-beijing.klingai.com", "api-beijing.klingai.com"),
        ("KKIAI_BASE_URL", "https://proxy.lan:8443/kling", "proxy.lan"),
        ("AIMLAPI_BASE_URL", "https://10.0.0.7", "10.0.0.7"),
        ("ONEMIN_BASE_URL", "http://localhost:9000", "localhost"),
        ("DISCORD_API_URL", "http://[::1]:9000/api/v10", "::1"),
    ],
)
def test_a_host_that_the_operator_names_is_trusted(name: str, url: str, host: str, given: Given) -> None:
    assert given(**{name: url}).trusted_hosts == {host}


def test_operators_are_a_list_of_ids_with_commas(given: Given) -> None:
    assert given(OWNER_IDS=" 80088516616269824 ,7,").owner_ids == (80088516616269824, 7)


@pytest.mark.parametrize("value", ["mia", "0", "-7", "1.5", "9" * 30, "1;2"])
def test_an_operator_who_is_no_id_is_refused_in_words(value: str, given: Given) -> None:
    with pytest.raises(SettingsInvalid, match=r"^OWNER_IDS in the environment or .env is not valid: "):
        given(OWNER_IDS=value)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of secrets, as systemd and containers hand one over."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_secrets_may_be_files_named_after_their_settings(secrets: Path) -> None:
    (secrets / "discord_token").write_text(f"{TOKEN}\n")
    (secrets / "METRICS_TOKEN").write_text("a-token-for-metrics")
    (secrets / "something_else").write_text("of another program")
    loaded = settings.load()
    assert loaded.token == TOKEN
    assert loaded.metrics_token is not None
    assert TOKEN not in repr(loaded)


def test_a_secret_in_a_file_wins_over_an_empty_or_an_older_one(secrets: Path, given: Given) -> None:
    (secrets / "discord_token").write_text(TOKEN)
    (secrets.parent / ".env").write_text("DISCORD_TOKEN=\n")
    assert settings.load().token == TOKEN
    assert given(DISCORD_TOKEN="an-older-one").token == TOKEN


def test_a_folder_of_secrets_may_be_missing(secrets: Path, given: Given) -> None:
    secrets.rmdir()
    assert given(DISCORD_TOKEN=TOKEN).token == TOKEN


def test_a_secret_in_a_file_is_held_to_the_same_rules(secrets: Path) -> None:
    (secrets / "web_port").write_text("70000")
    with pytest.raises(SettingsInvalid, match=r"WEB_PORT .* at most 65535"):
        settings.load()


def test_a_secret_that_may_not_be_read_is_said(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "discord_token").write_text(TOKEN)

    def refuse(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)  # root may read everything
    with pytest.raises(SettingsInvalid, match="discord_token cannot be read: Permission denied"):
        settings.load()


def test_a_secret_that_is_no_text_is_said(secrets: Path) -> None:
    (secrets / "discord_token").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsInvalid, match="CREDENTIALS_DIRECTORY is not UTF-8"):
        settings.load()
