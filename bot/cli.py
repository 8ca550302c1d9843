"""The command line: `python -m bot run | demo | generate | doctor | backup | restored | migrate | usage | ceiling | forget`.

Whatever goes wrong is said in one or two plain lines on standard error, never as a traceback:
exit status 2 for a usage or settings fault, 1 for a failure.
"""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from bot import logs, settings
from bot.domain.duties import Duty, NoSuchShards, Role, Shards
from bot.domain.errors import CatalogueInvalid, KinoraError, NotExpressible
from bot.domain.requests import (
    Aspect,
    CameraMove,
    CameraPreset,
    Options,
    Quality,
    camera_control,
    first_problem,
)
from bot.media.errors import MediaError
from bot.settings import Settings, SettingsInvalid

# Each command imports what it runs: loading all of it would slow every one of them.
# ruff: noqa: PLC0415

FAILURE, USAGE_FAULT, INTERRUPTED = 1, 2, 130

_LARGEST_ID = 2**63 - 1
"""More the database does not hold."""

app = typer.Typer(
    help="Kinora turns pictures and prompts into video, in Discord.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; whatever is raised becomes a sentence."""
    try:
        sys.exit(app(standalone_mode=False))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place where it can become words
        _leave(_first(error))


@app.command()
def run(
    *,
    role: Annotated[
        Role, typer.Option(help="What this process does; with SQLite one does all.", case_sensitive=False)
    ] = Role.ALL,
    shards: Annotated[
        str | None,
        typer.Option(
            help="Its part of Discord's gateway, such as 0-3/16; left out, all that Discord asks for."
        ),
    ] = None,
) -> None:
    """Start the bot on Discord, with the settings in .env."""
    from bot import app as composition

    try:
        duty = Duty(role, Shards.parse(shards) if shards is not None else None)
    except NoSuchShards as error:
        raise typer.BadParameter(str(error)) from error
    _run(composition.run(_settings(role=role), duty))


@app.command()
def demo(
    *,
    image: Annotated[
        Path | None,
        typer.Option(help="Animate this picture instead of the bundled one.", exists=True, dir_okay=False),
    ] = None,
    prompt: Annotated[
        str, typer.Option(help="What should happen.")
    ] = "The boat drifts towards the rising sun",
    once: Annotated[bool, typer.Option("--once", help="Leave after the clip.")] = False,
) -> None:
    """Try the whole bot on this machine: a local Discord, no account, no key."""
    from bot.demo import stage

    _run(stage.play(_settings(quiet=True), image=image, prompt=prompt, once=once))


@app.command()
def generate(
    *,
    out: Annotated[Path, typer.Option(help="Where the MP4 goes.", dir_okay=False)],
    prompt: Annotated[str, typer.Option(help="What should happen, or what the video shows.")] = "",
    image: Annotated[
        Path | None, typer.Option(help="The picture to start from.", exists=True, dir_okay=False)
    ] = None,
    end_frame: Annotated[
        Path | None, typer.Option(help="The picture to end on.", exists=True, dir_okay=False)
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Who makes it.")] = None,
    model: Annotated[str | None, typer.Option(help="Which model makes it.")] = None,
    duration: Annotated[int, typer.Option(help="Length in seconds.")] = 5,
    quality: Annotated[
        Quality | None, typer.Option(help="std is 720p, pro is 1080p; left out, the model's own.")
    ] = None,
    aspect: Annotated[Aspect | None, typer.Option(help="Left out, the clip follows the picture.")] = None,
    camera: Annotated[str | None, typer.Option(help=f"{', '.join((*CameraMove, *CameraPreset))}.")] = None,
    camera_amount: Annotated[float | None, typer.Option(min=-10, max=10, help="How far it moves.")] = None,
    negative: Annotated[str | None, typer.Option(help="What should not be seen.")] = None,
    guidance: Annotated[
        float | None, typer.Option(min=0, max=1, help="How closely to follow the prompt.")
    ] = None,
    sound: Annotated[bool, typer.Option("--sound", help="With sound.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the request as cURL and spend nothing.")
    ] = False,
) -> None:
    """Make one clip without Discord."""
    from bot import generate as generation

    if out.suffix.lower() != ".mp4":
        raise typer.BadParameter("--out must end in .mp4.")
    if any(given and given.resolve() == out.resolve() for given in (image, end_frame)):
        raise typer.BadParameter("--out names the picture itself.")
    options = Options(
        prompt=prompt,
        provider=provider,
        model=model,
        duration_s=duration,
        quality=quality,
        aspect=aspect,
        camera=camera_control(camera, camera_amount),
        negative_prompt=negative,
        guidance=guidance,
        sound=sound,
    )
    work = generation.make(
        _settings(quiet=True), options, image=image, end_frame=end_frame, out=out, dry_run=dry_run
    )
    _run(work)


@app.command()
def migrate(
    *,
    from_: Annotated[
        str, typer.Option("--from", help="Move this installation, sqlite:///path; its bot must be stopped.")
    ] = "",
    to: Annotated[
        str, typer.Option(help="Into this empty database, postgresql://…; left out, DATABASE_URL's.")
    ] = "",
) -> None:
    """Bring the database up to date, as `run` does by itself; or move an installation to PostgreSQL."""
    from bot import migration

    chosen = _settings(quiet=True)
    if to and not from_:
        raise typer.BadParameter("--to needs --from, the installation that is to be moved.")
    _run(migration.move(chosen, from_, to) if from_ else migration.bring_up_to_date(chosen))


@app.command()
def usage(
    *,
    days: Annotated[
        int, typer.Option(min=1, max=90, help="How many days back (UTC), today among them.")
    ] = 30,
    guild: Annotated[
        int | None, typer.Option(min=1, max=_LARGEST_ID, help="Only the server of this id.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="A line for each server and provider.")] = False,
) -> None:
    """Print what servers made and were charged, and what providers took; the bot may be running."""
    from bot.clock import SystemClock
    from bot.db import opening
    from bot.db import usage as counted
    from bot.services import sheets

    across = counted.across(days=days, now_ms=SystemClock().now_ms(), guild_id=guild)
    overview = opening.look(_settings(quiet=True).database, across)
    if csv:
        text = sheets.as_csv(overview).replace(
            "\r\n", "\n"
        )  # standard output has the platform's own ends of lines
        print(text, end="")  # noqa: T201 - the command's answer
    else:
        print(sheets.table(overview))  # noqa: T201 - likewise


@app.command()
def ceiling(
    *,
    guild: Annotated[int, typer.Option(min=1, max=_LARGEST_ID, help="The server's id.")],
    credits_: Annotated[
        str, typer.Option("--credits", help="What it may cost in a month at the catalogue's prices, or none.")
    ],
) -> None:
    """Say what a server may cost, whatever its moderators allow; the bot may be running."""
    from bot.clock import SystemClock
    from bot.db import opening
    from bot.services import usage as reports
    from bot.services.amounts import NoSuchAmount

    try:
        amount = reports.ceiling_of(credits_)
    except NoSuchAmount as error:
        raise typer.BadParameter(str(error)) from error
    chosen = _settings(quiet=True)
    put = reports.ceiling(guild, amount, defaults=chosen.default_limits, now_ms=SystemClock().now_ms())
    opening.change(chosen.database, put)
    print(f"{guild}: {'no ceiling' if amount is None else f'{amount:,} credits a month'}.")  # noqa: T201 - the command's answer


@app.command()
def doctor() -> None:
    """Look at all that the bot needs, and say what to do; it may be running. Spends nothing."""
    from bot import doctor as practice

    chosen = _settings(quiet=True)

    async def look() -> None:
        if not await practice.tell(chosen):
            sys.exit(FAILURE)

    _run(look())


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not exist.", dir_okay=False)],
    *,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="A tar with pictures and clips, and models.toml, too.")
    ] = False,
) -> None:
    """Copy the database, whole and checked, while the bot runs."""
    from bot import backups
    from bot.clock import SystemClock

    for line in backups.make(
        _settings(quiet=True), file, with_files=with_files, now_ms=SystemClock().now_ms()
    ):
        print(line)  # noqa: T201 - the command's answer


@app.command()
def restored() -> None:
    """Say that a dump of PostgreSQL was put back, before the bot starts on it: nothing is ordered or posted twice then."""
    from bot import backups
    from bot.clock import SystemClock

    print(backups.restored(_settings(quiet=True), now_ms=SystemClock().now_ms()))  # noqa: T201 - the command's answer


@app.command()
def forget(
    *,
    member: Annotated[int, typer.Option(min=1, max=_LARGEST_ID, help="The member's id.")],
) -> None:
    """Forget a member in every server, as `/privacy forget` does; the bot may be running."""
    from bot.clock import SystemClock
    from bot.db import opening, privacy

    forgotten = opening.change(
        _settings(quiet=True).database, privacy.forget(member, now_ms=SystemClock().now_ms())
    )
    running = f"; {len(forgotten.running)} of their clips are still being made" if forgotten.running else ""
    print(f"{member} is forgotten{running}. The bot deletes files and messages within the hour that it runs.")  # noqa: T201 - the command's answer


def _settings(*, quiet: bool = False, role: Role | None = None) -> Settings:
    chosen = settings.load()
    level = "warning" if quiet else chosen.log_level
    among_others = {"role": role.value} if role is not None and chosen.is_shared else {}
    logs.configure(level=level, layout=chosen.log_format, **among_others)
    return chosen


_YIELDS_AFTER_S = 0.0005
"""So long a thread may compute while others want to: the database's threads work in hops shorter than the usual 5 ms.

Under `make bench ARGS=load` people wait a third as long for a first response (p50 57 ms for 167, p99 479 for 1,468).
"""


def _run(work: Coroutine[Any, Any, None]) -> None:
    sys.setswitchinterval(_YIELDS_AFTER_S)
    if sys.platform == "win32":
        asyncio.run(work)
        return
    import uvloop

    uvloop.run(work)


def _first(error: Exception) -> Exception:
    """The error at the bottom of a task group's groups."""
    return (
        _first(cast("ExceptionGroup[Exception]", error).exceptions[0])
        if isinstance(error, ExceptionGroup)
        else error
    )


def _leave(error: Exception) -> None:
    match error:
        case TyperException():
            text, status = error.format_message(), USAGE_FAULT
        case SettingsInvalid() | NotExpressible() | CatalogueInvalid():
            text, status = str(error), USAGE_FAULT
        case ValidationError():
            text, status = first_problem(error), USAGE_FAULT
        case KinoraError() | MediaError():
            text, status = str(error), FAILURE
        case OSError(strerror=str(reason), filename=str(path)):
            text, status = f"{reason}: {path}", FAILURE
        case _:
            text, status = f"Kinora stopped: {type(error).__name__}: {logs.redact(str(error))}", FAILURE
    print(" ".join(text.split()), file=sys.stderr)  # noqa: T201 - the contract of a command line
    if isinstance(error, TyperException):
        print("Try `python -m bot --help`.", file=sys.stderr)  # noqa: T201 - likewise
    sys.exit(status)
