"""What the operator is shown of how the bot is doing: a line each, short enough for a phone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import discord

from bot.domain.findings import Level
from bot.language import grouped, tr, trn
from bot.services.checkup import Condition, Provider
from bot.services.gate import Closure
from bot.ui import checks
from bot.ui.cards import PAUSES

_CHANNELS_SHOWN = 5
"""Of those that lack the same: there are fifteen ways to lack some of four rights, and 4,000 characters to an answer."""

_SHARDS_SHOWN = 20

_FINE, _DOUBT = Level.FINE.value, Level.DOUBT.value


def text_of(condition: Condition, guild: discord.Guild, *, latency_s: float, claimed_limit: int) -> str:
    """The whole answer."""
    parts = (
        [f"### {tr('How the bot is doing')}", *_itself(condition, latency_s)],
        [f"**{tr('Providers')}**", *(_provider(one) for one in condition.providers)],
        [f"**{tr('In this server')}**", *_here(condition, guild, claimed_limit)],
        [f"-# {tr('`python -m bot doctor` looks at keys, credit, clock and database, too.')}"],
    )
    return "\n".join(line for part in parts for line in part)


def _itself(condition: Condition, latency_s: float) -> Iterator[str]:
    milliseconds = grouped(round(latency_s * 1000)) if latency_s == latency_s else "?"  # noqa: PLR0124 - NaN is not
    yield _line(latency_s < 1, tr("Gateway: {number} ms", number=milliseconds))
    free_bytes = condition.free_bytes
    has_room = condition.has_room and Closure.DISK_FULL not in condition.closures
    number = "?" if free_bytes is None else f"{free_bytes / 1e9:.1f}"
    yield _line(has_room, tr("Disk: {number} GB free", number=number))
    yield from (_line(False, tr(PAUSES[closure])) for closure in condition.closures)
    yield from _processes(condition)
    if condition.outbox:
        yield _line(
            True,
            trn(
                "{number} clip is being fetched or posted",
                "{number} clips are being fetched or posted",
                condition.outbox,
            ),
        )
    if condition.doubts:
        yield _line(
            False,
            trn("{number} attempt of unknown end", "{number} attempts of unknown end", condition.doubts),
        )
    if condition.kept:
        yield _line(
            True,
            trn("{number} clip is kept for `/claim`", "{number} clips are kept for `/claim`", condition.kept),
        )


def _processes(condition: Condition) -> Iterator[str]:
    roles = Counter(process.role.value for process in condition.processes)
    versions = sorted({process.version for process in condition.processes})
    if roles:
        there = ", ".join(f"{count} {role}" for role, count in sorted(roles.items()))
        yield _line(True, tr("Processes: {list}", list=there))
    if len(versions) > 1:
        yield _line(False, tr("They are of different versions: {list}", list=", ".join(versions)))
    if condition.unconnected:
        shards = ", ".join(map(str, condition.unconnected[:_SHARDS_SHOWN]))
        more = "…" if len(condition.unconnected) > _SHARDS_SHOWN else ""
        yield _line(False, tr("No process connects these shards: {list}", list=shards + more))


def _provider(provider: Provider) -> str:
    words = [
        tr("{number} running", number=grouped(provider.running)),
        tr("{number} waiting", number=grouped(provider.waiting)),
    ]
    if provider.since_ms is not None:
        words.append(tr("the oldest from {when}", when=f"<t:{provider.since_ms // 1000}:R>"))
    if not provider.is_healthy:
        words.append(tr("left alone for a while, see the log"))
    return _line(provider.is_healthy, f"{provider.name}: {', '.join(words)}")


def _here(condition: Condition, guild: discord.Guild, claimed_limit: int) -> Iterator[str]:
    limit = f"{condition.upload_limit / 1_048_576:.0f}"
    if condition.upload_limit < claimed_limit:
        claimed = f"{claimed_limit / 1_048_576:.0f}"
        yield _line(
            False,
            tr("Files up to {limit} MB, though Discord says {claimed} MB", limit=limit, claimed=claimed),
        )
    else:
        yield _line(True, tr("Files up to {limit} MB", limit=limit))
    lacking = _grouped(_lacking(guild.text_channels))
    yield from (
        _line(False, f"{', '.join(missing)}: {_channels(found)}") for missing, found in lacking.items()
    )
    if not lacking:
        yield _line(True, tr("Everything it needs is allowed in every channel that it sees"))


def _grouped(
    lacking: Iterable[tuple[discord.TextChannel, list[str]]],
) -> dict[tuple[str, ...], list[discord.TextChannel]]:
    """The channels by what they lack, for it is mostly the same in many."""
    groups: dict[tuple[str, ...], list[discord.TextChannel]] = {}
    for channel, missing in lacking:
        groups.setdefault(tuple(missing), []).append(channel)
    return groups


def _channels(channels: Sequence[discord.TextChannel]) -> str:
    named = ", ".join(channel.mention for channel in channels[:_CHANNELS_SHOWN])
    rest = len(channels) - _CHANNELS_SHOWN
    if rest <= 0:
        return named
    return f"{named} {trn('and {number} more channel', 'and {number} more channels', rest)}"


def _lacking(channels: Iterable[discord.TextChannel]) -> Iterator[tuple[discord.TextChannel, list[str]]]:
    """Channels that the bot sees, and in which it could post no clip; those that are hidden from it are meant to be."""
    for channel in channels:
        granted = checks.own_permissions(channel)
        if granted is not None and granted.view_channel and (missing := checks.missing_in_gallery(channel)):
            yield channel, missing


def _line(is_fine: bool, words: str) -> str:  # noqa: FBT001 - reads as it is meant
    return f"{_FINE if is_fine else _DOUBT} {words}"
