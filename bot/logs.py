"""Structured logs: events with ids, for people on a terminal and as JSON elsewhere. Secrets never appear."""

import logging
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Literal, cast

import structlog

_SECRETS = (
    re.compile(
        r"(/(?:webhooks|interactions)/\d+/)[^/?\s\"']+"
    ),  # whoever holds such a token posts as the bot
    re.compile(r"(/callbacks/\w+/)[^/?\s\"']+"),  # whoever holds one may tell us news
    re.compile(r"(/(?:originals|exports)/[^/\s]+/)[^?\s\"']+"),  # whoever holds one may have the file
    re.compile(r"\b((?:Bot|[Bb]earer)\s+)[\w.~+/\-]{8,}=*"),
    re.compile(r"([?&](?:ex|is|hm|sig|\w*signature|\w*token|key|X-Amz-[\w-]+)=)[^&\s\"']+", re.IGNORECASE),
)


_ITS_OWN = frozenset({"_record", "_from_structlog"})
"""What structlog hands from one of its processors to another."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal acts on, or that turn what is read around; lines and tabs are none."""


def redact(text: str) -> str:
    """The text with interaction tokens, authorisation headers and link signatures masked."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1…", text)
    return text


def follow(**ids: object) -> None:
    """From here on every line of this task, and of the tasks that it starts, carries these ids and no others.

    Libraries' lines do, too. So one job is followed from its request to its card: `grep '"job": 42'`.
    """
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def add(**ids: object) -> None:
    """What has become known meanwhile of what is followed."""
    structlog.contextvars.bind_contextvars(**ids)


def configure(*, level: str, layout: Literal["auto", "json", "console"], **always: str) -> None:
    """Set up structlog and route the standard library's loggers through it, to standard error.

    `always` is what every line of this process carries.
    """

    def bound(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**always, **event}

    as_json = layout == "json" or (layout == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        bound,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = structlog.processors.JSONRenderer() if as_json else _for_people()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if as_json else [_on_own_lines]),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("discord", "asyncio", "aiosqlite", "PIL"):
        # At debug level these print whole requests, URLs with tokens included.
        logging.getLogger(chatty).setLevel(max(logging.INFO, root.level))
    for talkative in ("discord", "procrastinate"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, root.level))
    # Of a database that is away, whoever needs it tells once; the pool would at each attempt.
    logging.getLogger("psycopg.pool").setLevel(max(logging.ERROR, root.level))


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _redact_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value if key in _ITS_OWN else _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    """A value in which nothing is secret, and nothing moves a terminal's cursor; containers in the same shape."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _redacted(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(one) for one in cast("Iterable[Any]", value)]
    return _CONTROLS.sub(_named, redact(str(value)))


def _named(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode()


def _on_own_lines(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Let no message look like a line of the log: it is one line, and a traceback is set in."""
    event["event"] = str(event.get("event", "")).replace("\n", "\\n")
    if "exception" in event:
        event["exception"] = textwrap.indent(event["exception"], "    ")
    return event
