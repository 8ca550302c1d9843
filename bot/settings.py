"""The only reader of the environment and of `.env`: one typed value, made once in the command line."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.money import Scope


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the message says which and what to do."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _none_if_empty(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _checked_url(url: str) -> str:
    """A key goes there, so plain http is for this machine only."""
    parts = urlsplit(url)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.username or parts.password:
        raise ValueError("write it without a name and password")
    if not parts.hostname or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise ValueError("write it like https://api.example.com")
    if parts.scheme == "http" and not is_here:
        raise ValueError("write it with https; plain http is for this machine only")
    return url


def _checked_endpoint(url: str) -> str:
    """What people sent and got goes there, so plain http is for a network of one's own."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError(
            "write it without a name and password; those are AWS_ACCESS_KEY_ID and the secret key"
        )
    if not parts.hostname or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise ValueError("write it like https://s3.example.com")
    if parts.scheme == "http" and not _is_private(parts.hostname):
        raise ValueError("write it with https; plain http is for this machine and private networks only")
    return url


_WITHOUT_FILE = "PYTHON_DOTENV_DISABLED"
"""What python-dotenv, too, takes as a wish that `.env` be left alone; "1" here."""

_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc")


def _is_private(host: str) -> bool:
    """Whether an address, or a name by its form, is none of the internet's."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


def _on_one_line(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip().isprintable():
        raise ValueError("it has a line break or another invisible character in it; copy it again")
    return secret


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Ids = Annotated[tuple[Annotated[int, Field(gt=0, lt=2**63)], ...], NoDecode, BeforeValidator(_split)]
Cap = Annotated[int | None, Field(ge=0), BeforeValidator(_none_if_empty)]
Url = Annotated[str, AfterValidator(_without_slash)]
Secret = Annotated[SecretStr, AfterValidator(_on_one_line)]
Endpoint = Annotated[str, AfterValidator(_without_slash), AfterValidator(_checked_endpoint)]
BaseUrl = Annotated[str, AfterValidator(_without_slash), AfterValidator(_checked_url)]

KNOWN_PROVIDERS = ("kling", "kkiai", "aimlapi", "onemin", "local")
"""The providers this version can speak to, in the order of preference when nobody says."""


def _is_set(key: SecretStr | None) -> bool:
    return key is not None and bool(key.get_secret_value().strip())


_KEY_NAMES = {
    "kling": "KLING_API_KEY (or KLING_ACCESS_KEY and KLING_SECRET_KEY)",
    "kkiai": "KKIAI_API_KEY",
    "aimlapi": "AIMLAPI_API_KEY",
    "onemin": "ONEMIN_API_KEY",
}
_POSTGRES = ("postgresql://", "postgres://")
_BASE_URLS = ("discord_api_url", "kling_base_url", "kkiai_base_url", "aimlapi_base_url", "onemin_base_url")


class Settings(BaseSettings):
    """Every setting, with its default. `.env.example` explains each in a line.

    Only `load` reads `.env`: what tests and benchmarks make of this must not spend with the keys that lie there.
    """

    # utf-8-sig: editors on Windows put a byte order mark first, which would hide the first setting.
    model_config = SettingsConfigDict(env_file_encoding="utf-8-sig", extra="ignore", frozen=True)

    discord_token: Secret | None = None
    discord_api_url: Url = "https://discord.com/api/v10"
    discord_gateway_url: Url = "wss://gateway.discord.gg"
    discord_requests_per_second: int = Field(default=50, ge=1)
    owner_ids: Ids = ()
    message_content_intent: Annotated[Literal["auto", "true", "false"], BeforeValidator(_lowered)] = "auto"

    database_url: str = Field(default="", repr=False)  # may hold a password
    data_dir: Path = Path("data")
    blob_url: str = ""
    aws_access_key_id: Secret | None = None
    aws_secret_access_key: Secret | None = None
    aws_session_token: Secret | None = None
    aws_region: str | None = None
    aws_endpoint_url: Endpoint | None = None
    disk_reserve_mb: int = Field(default=500, ge=0)
    originals_days: Annotated[int | None, Field(ge=1, le=36_500), BeforeValidator(_none_if_empty)] = 90
    guild_data_days: Annotated[int | None, Field(ge=1, le=36_500), BeforeValidator(_none_if_empty)] = 30
    pictures_days: Annotated[int | None, Field(ge=1, le=36_500), BeforeValidator(_none_if_empty)] = None

    providers: Names = ()
    kling_api_key: Secret | None = None
    kling_access_key: Secret | None = None
    kling_secret_key: Secret | None = None
    kling_webhook_secret: Secret | None = None
    kling_base_url: BaseUrl = "https://api-singapore.klingai.com"
    kkiai_api_key: Secret | None = None
    kkiai_base_url: BaseUrl = "https://www.kkiai.com/kling"
    aimlapi_api_key: Secret | None = None
    aimlapi_base_url: BaseUrl = "https://api.aimlapi.com"
    onemin_api_key: Secret | None = None
    onemin_base_url: BaseUrl = "https://api.1min.ai"
    kling_concurrency: int = Field(default=3, ge=1)
    kkiai_concurrency: int = Field(default=3, ge=1)
    aimlapi_concurrency: int = Field(default=3, ge=1)
    onemin_concurrency: int = Field(default=1, ge=1)
    local_concurrency: int = Field(default=os.cpu_count() or 1, ge=1)

    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=0, le=65_535)
    public_url: BaseUrl | None = None
    metrics_token: Secret | None = None

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lowered)] = "info"
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lowered)] = "auto"

    default_guild_ceiling_credits: Cap = None
    default_guild_monthly_credits: Cap = 10_000
    default_user_daily_credits: Cap = 500
    default_user_queued: Cap = 10
    default_user_running: Cap = 2
    default_guild_running: Cap = 5

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - knows one folder, named in the code
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A file made for one secret is meant: it wins over a line that was left empty in `.env`."""
        files = SecretsSettingsSource(settings_cls, secrets_dir=_credentials())
        return init_settings, files, env_settings, dotenv_settings

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Container files pass on settings as empty ones; only for a cap, or a length of time, does that mean something."""
        may_be_empty = ("default_", "originals_", "guild_data_")
        return {name: value for name, value in given.items() if value != "" or name.startswith(may_be_empty)}

    @property
    def database(self) -> Path | SecretStr:
        """Which database: SQLite's file, or PostgreSQL's URL.

        Raises:
            SettingsInvalid: `DATABASE_URL` names another kind, or one whose driver is not installed.
        """
        return database_of(self.database_url) if self.database_url else self.data_dir / "kinora.db"

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use the same database."""
        return not isinstance(self.database, Path)

    @property
    def database_path(self) -> Path:
        """The SQLite file, for what there is with SQLite only.

        Raises:
            SettingsInvalid: the database is another one.
        """
        if isinstance(place := self.database, Path):
            return place
        raise SettingsInvalid(
            "This needs SQLite, but DATABASE_URL names PostgreSQL; correct it, or leave it out."
        )

    @property
    def blob_location(self) -> str:
        """A folder or a URL that `bot.media.blobs` understands."""
        return self.blob_url or str(self.data_dir / "blobs")

    @property
    def disk_reserve_bytes(self) -> int:
        """With less free than this, nothing is begun."""
        return self.disk_reserve_mb * 1_000_000

    @property
    def kept_in(self) -> tuple[Path, ...]:
        """The folders of this machine whose disks must not be full."""
        blobs = () if "://" in self.blob_location else (Path(self.blob_location),)
        database = (self.database.parent,) if isinstance(self.database, Path) else ()
        return (self.data_dir, *database, *blobs)

    @property
    def originals_last_ms(self) -> int | None:
        """For how long the originals of clips are kept; None is for ever."""
        return None if self.originals_days is None else self.originals_days * 86_400_000

    @property
    def pictures_last_ms(self) -> int | None:
        """For how long the pictures of jobs that have ended are kept; None is as long as the jobs."""
        return None if self.pictures_days is None else self.pictures_days * 86_400_000

    @property
    def wants_web_server(self) -> bool:
        """Whether anybody said where the web server shall be; otherwise the bot does without if it must."""
        return not self.model_fields_set.isdisjoint(("public_url", "web_host", "web_port"))

    @property
    def guild_data_lasts_ms(self) -> int | None:
        """For how long what is kept of a server outlasts the bot's removal from it; None is for ever."""
        return None if self.guild_data_days is None else self.guild_data_days * 86_400_000

    @property
    def provider_order(self) -> tuple[str, ...]:
        """The providers to use, the preferred one first.

        Raises:
            SettingsInvalid: `PROVIDERS` names one that does not exist, or whose key is not set; half a pair of keys is.
        """
        self._ensure_pair()
        unknown = [name for name in self.providers if name not in KNOWN_PROVIDERS]
        if unknown:
            raise SettingsInvalid(
                f"PROVIDERS names {', '.join(unknown)}; this version knows {', '.join(KNOWN_PROVIDERS)}."
            )
        for name in self.providers:
            if not self._has_key(name):
                raise SettingsInvalid(f"PROVIDERS names {name}, but {_KEY_NAMES[name]} is not set.")
        keyed = tuple(name for name in KNOWN_PROVIDERS if name != "local" and self._has_key(name))
        return tuple(dict.fromkeys(self.providers)) or keyed or ("local",)

    def ensure_key_of(self, provider: str) -> None:
        """Say what is missing before a provider is asked for that could be at hand.

        Raises:
            SettingsInvalid: its key is not set.
        """
        if provider in _KEY_NAMES and not self._has_key(provider):
            raise SettingsInvalid(
                f"{provider} is not at hand: {_KEY_NAMES[provider]} is not set. "
                f"At hand: {', '.join(self.provider_order)}."
            )

    @property
    def makes_drafts(self) -> bool:
        """Whether the local renderer is there for drafts: unless `PROVIDERS` leaves it out."""
        return not self.providers or "local" in self.providers

    @property
    def trusted_hosts(self) -> frozenset[str]:
        """Hosts of base URLs, Discord's included, that the operator chose: what lies there is fetched even from here.

        The usual ones are not among them: they are reached over https at public addresses, as anybody's are.
        """
        usual = {_host(type(self).model_fields[name].default) for name in _BASE_URLS}
        return frozenset({_host(getattr(self, name)) for name in _BASE_URLS} - usual - {""})

    def _ensure_pair(self) -> None:
        access, secret = _is_set(self.kling_access_key), _is_set(self.kling_secret_key)
        if access != secret:
            given, missing = sorted(("KLING_ACCESS_KEY", "KLING_SECRET_KEY"), reverse=secret)
            raise SettingsInvalid(
                f"{given} is set, but {missing} is not; set both in .env, or KLING_API_KEY alone."
            )

    def _has_key(self, name: str) -> bool:
        if name == "local":
            return True
        if name == "kling" and _is_set(self.kling_access_key) and _is_set(self.kling_secret_key):
            return True
        return _is_set(getattr(self, f"{name}_api_key"))

    @property
    def default_limits(self) -> Limits:
        """What a new server starts with."""
        chosen = (
            (Scope.OPERATOR, Measure.MONTH, self.default_guild_ceiling_credits),
            (Scope.SERVER, Measure.MONTH, self.default_guild_monthly_credits),
            (Scope.SERVER, Measure.RUNNING, self.default_guild_running),
            (Scope.MEMBER, Measure.DAY, self.default_user_daily_credits),
            (Scope.MEMBER, Measure.QUEUED, self.default_user_queued),
            (Scope.MEMBER, Measure.RUNNING, self.default_user_running),
        )
        return Limits(
            tuple(
                Limit(scope, EVERYBODY, measure, amount)
                for scope, measure, amount in chosen
                if amount is not None
            )
        )

    @property
    def reads_messages(self) -> bool | None:
        """Whether the bot asks Discord for what messages say; None: if Discord grants it."""
        return {"auto": None, "true": True, "false": False}[self.message_content_intent]

    @property
    def token(self) -> str:
        """The bot's token.

        Raises:
            SettingsInvalid: it is not set.
        """
        if self.discord_token is None or not self.discord_token.get_secret_value().strip():
            raise SettingsInvalid(
                "DISCORD_TOKEN is not set. Put the bot's token into .env (README, step 2), or try `make demo`."
            )
        return self.discord_token.get_secret_value().strip()


def database_of(url: str) -> Path | SecretStr:
    """What a URL of a database names: SQLite's file, or PostgreSQL's URL as it is.

    Raises:
        SettingsInvalid: it names another kind, or one whose driver is not installed.
    """
    scheme, separator, path = url.partition(":///")
    if scheme == "sqlite" and separator and path:
        return Path(path)
    if not url.startswith(_POSTGRES):
        raise SettingsInvalid(
            "A database is written like sqlite:///data/kinora.db or postgresql://user:password@host/kinora; "
            "correct DATABASE_URL in .env."
        )
    if find_spec("psycopg") is None:
        raise SettingsInvalid("For PostgreSQL a few packages more are needed: run `make cluster` once.")
    return SecretStr(url)


def notify_socket() -> str | None:
    """Where systemd wants to hear how the service is (sd_notify(3)); None where nobody does."""
    return os.environ.get("NOTIFY_SOCKET")


def inherited(**given: str) -> dict[str, str]:
    """This process's environment for a child of it, whose settings are those given and no others of the operator's."""
    of_the_operator = {"CREDENTIALS_DIRECTORY", *(name.upper() for name in Settings.model_fields)}
    around = {name: value for name, value in os.environ.items() if name.upper() not in of_the_operator}
    return around | {_WITHOUT_FILE: "1"} | given


def _credentials() -> Path | None:
    """A folder with a file for each secret, named as its setting is: systemd's, or where containers find theirs."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder and Path(folder).is_dir() else None


def _of_secrets(cause: BaseException | None) -> str:
    match cause:
        case OSError(filename=str(path), strerror=str(reason)):
            return f"{path} cannot be read: {reason}. Let the user that Kinora runs as read it."
        case _:
            return "A file in CREDENTIALS_DIRECTORY is not UTF-8 text; save each secret as such."


def load() -> Settings:
    """Read the files of secrets, the environment and `.env`; the first that has a setting decides.

    Raises:
        SettingsInvalid: a value cannot be understood, or a secret's file cannot be read.
    """
    file = None if os.environ.get(_WITHOUT_FILE) == "1" else ".env"
    try:
        return Settings(_env_file=file)  # type: ignore[call-arg] - pydantic's own
    except UnicodeDecodeError as error:
        raise SettingsInvalid("The file .env is not UTF-8 text; save it as UTF-8.") from error
    except SettingsError as error:
        raise SettingsInvalid(_of_secrets(error.__cause__)) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise SettingsInvalid(
            f"{name} in the environment or .env is not valid: {_in_words(first)}."
        ) from error


_PROBLEMS = {
    "int_parsing": "write a whole number",
    "int_parsing_size": "the number is too large",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number that is at least {ge}",
    "less_than": "write a number below {lt}",
    "less_than_equal": "write a number that is at most {le}",
    "literal_error": "write {expected}",
    "value_error": "{error}",
}
"""What pydantic finds wrong, by its type (pydantic, Validation Errors)."""


def _in_words(problem: ErrorDetails) -> str:
    words = _PROBLEMS.get(problem["type"])
    return words.format(**problem.get("ctx", {})) if words else problem["msg"]
