"""Every place from which something goes out is known, and stands in docs/security.md."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security.md"
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request", "ws_connect"})
_OPENERS = frozenset(
    {
        "ClientSession", "create_connection", "open_connection", "open_unix_connection", "create_datagram_endpoint",
        "sock_connect", "create_subprocess_exec", "create_subprocess_shell", "Popen", "check_output", "check_call",
        "urlopen", "urlretrieve", "HTTPSConnection", "HTTPConnection", "get_from_cdn", "socketpair",
    }
)  # fmt: skip
_MODULES = frozenset(
    {
        "requests", "httpx", "urllib3", "urllib.request", "http.client", "websockets", "smtplib", "ftplib", "telnetlib",
        "xmlrpc", "socket", "subprocess", "obstore", "pycurl", "paramiko", "boto3", "multiprocessing",
    }
)  # fmt: skip


def files() -> Iterator[Path]:
    for folder in ("bot", "cogs"):
        for path in (ROOT / folder).rglob("*.py"):
            if "sandbox" not in path.parts:  # which is a Discord, and no part of the bot
                yield path


def ways_out(source: str) -> set[str]:
    """What in a file may open a connection or start a program."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if _is_in(one.name)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
            found |= {node.module} if _is_in(node.module) or any(map(_is_in, names)) else set()
        elif isinstance(node, ast.Call):
            found |= _called(node.func)
    return found


def _is_in(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in _MODULES)


def _called(function: ast.expr) -> set[str]:
    if isinstance(function, ast.Name):
        return {function.id} & _OPENERS
    if not isinstance(function, ast.Attribute):
        return set()
    if function.attr in _OPENERS:
        return {function.attr}
    whose = ast.unparse(function.value).lower()
    is_http = function.attr in _VERBS and re.search(r"session|_opened\(\)$|\bhttp\b|client$", whose)
    return {f"session.{function.attr}"} if is_http else set()


def known() -> Mapping[str, str]:
    """The table of the page: by file, what goes out there."""
    rows = re.findall(r"^\| `((?:bot|cogs)/[^`]+\.py)` \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    return dict(rows)


def test_nothing_goes_out_from_anywhere_that_the_page_does_not_name() -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in files():
        if ways := ways_out(path.read_text()):
            found[path.relative_to(ROOT).as_posix()] = ways
    unknown = {name: ways for name, ways in found.items() if name not in known()}
    assert unknown == {}, "say in docs/security.md where this goes, and what keeps it from going elsewhere"
    assert set(known()) == set(found), "the page names files from which nothing goes out any more"


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "from urllib.request import urlopen",
        "from urllib import request",
        "import http.client as anything",
        "async def f(): await asyncio.open_connection('x', 1)",
        "async def f(self): await self._session.get('x')",
        "async def f(client): await client.http._HTTPClient__session.get('x')",
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession\nClientSession()",
        "import subprocess",
        "async def f(): await asyncio.create_subprocess_shell('x')",
        "def f(loop): loop.create_connection(1)",
    ],
)
def test_a_new_way_out_is_seen(source: str) -> None:
    assert ways_out(source)


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\nclass A: session: aiohttp.ClientSession",
        "held.get('x')",
        "from urllib.parse import urlsplit",
        "app.router.add_get('/x', f)",
    ],
)
def test_what_goes_nowhere_is_none(source: str) -> None:
    assert ways_out(source) == set()


def test_no_shell_is_ever_started() -> None:
    for path in files():
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not any(keyword.arg == "shell" for call in calls for keyword in call.keywords), path
        assert not any(
            ast.unparse(call.func) in {"os.system", "os.popen", "eval", "exec"} for call in calls
        ), path


NAMES_OF_COLUMNS = {
    "departures.py: _named(CLOSED)",  # states of jobs
    "guilds.py: ', '.join(PREFERENCES)",
    "guilds.py: columns",  # of PREFERENCES
    "jobs.py: columns",  # of fields of a job, which callers name in Python
}
"""What stands in statements, and is neither a constant nor bound."""


def test_statements_are_not_put_together_from_values() -> None:
    found: set[str] = set()
    for path in (ROOT / "bot" / "db").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr) and _is_sql(node):
                found |= {f"{path.name}: {text}" for text in _told(node)}
    assert found == NAMES_OF_COLUMNS, "bind it, or say why it is no value"


def _is_sql(node: ast.JoinedStr) -> bool:
    text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    return (
        re.search(r"\b(SELECT|INSERT|UPDATE|DELETE|PRAGMA|FROM|WHERE|AND|ORDER BY|SET)\b", text) is not None
    )


def _told(node: ast.JoinedStr) -> Iterator[str]:
    """What is between its braces, but for constants of the program."""
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            text = ast.unparse(part.value)
            if re.fullmatch("[A-Z_]+", text) is None:
                yield text
