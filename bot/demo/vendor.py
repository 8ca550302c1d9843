"""A vendor to practise with: Kling's protocol on the loopback, clips by the local renderer, and a bill.

It charges for every clip that it makes, as the real one does, and can be told to misbehave. What it sends is made of
the picture and the words that it was given.

Public sources: Kling API, "General Information", "Image to Video", "Text to Video", "Error Codes", callbacks.
"""

import asyncio
import hmac
import json
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web
from yarl import URL

from bot.clock import SystemClock
from bot.demo.orders import KINDS, Order, Unfit, kling_models, order_of
from bot.demo.tasks import Status, Task
from bot.domain.provider import Accepted, Failed, Pending, Ready, Submission
from bot.domain.requests import Task as Kind
from bot.providers.local.provider import LocalProvider

_log = logging.getLogger(__name__)

_MAX_BODY_BYTES = 64_000_000
_MAX_UNDER_WAY = 8
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_CALLBACK_TIMEOUT = aiohttp.ClientTimeout(total=10)
_FIRST_ID = 827_996_385_395_363_841

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Manner(StrEnum):
    """How the vendor meets creates."""

    TAKES = "takes"
    REFUSES = "refuses"  # the content
    FAILS = "fails"  # after a while; nothing is charged
    HANGS_UP = "hangs_up"  # takes the task and charges for it, but the answer does not arrive


@dataclass(frozen=True, slots=True)
class Charge:
    """A line on the bill."""

    task_id: str
    key: str
    """The customer's name for the attempt; empty where it gave none."""
    model: str
    units: Decimal
    at_ms: int


class PracticeVendor:
    """One customer's account."""

    def __init__(
        self,
        *,
        key: str,
        folder: Path,
        changed: Callable[[], None] = lambda: None,
        fails_after_s: float = 4.0,
    ) -> None:
        """`folder` is where clips are made; `changed` is called when the bill or a switch is different."""
        self.manner = Manner.TAKES
        self.bill: list[Charge] = []
        self.tasks: dict[str, Task] = {}
        self.changed = changed
        self.key = key
        self._folder = folder
        self._fails_after_s = fails_after_s
        self._clock = SystemClock()
        self._models = kling_models()
        self._ids = count(_FIRST_ID)
        self._is_quick = asyncio.Event()
        self._is_quick.set()
        self._carriers: set[asyncio.Task[None]] = set()
        self._url = URL()

    @property
    def base_url(self) -> str:
        """Where the customer finds it."""
        return str(self._url).rstrip("/")

    @property
    def is_slow(self) -> bool:
        """While it is, no clip becomes ready."""
        return not self._is_quick.is_set()

    @is_slow.setter
    def is_slow(self, slow: bool) -> None:
        if slow:
            self._is_quick.clear()
        else:
            self._is_quick.set()

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator["PracticeVendor"]:
        """Answer on the loopback until the block ends; what is being made then is given up."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._answered])
        for kind in KINDS:
            app.router.add_post(f"/v1/videos/{kind}", self._create)
            app.router.add_get(f"/v1/videos/{kind}/{{name}}", self._query)
        app.router.add_get("/files/{name}.mp4", self._download)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        connector = aiohttp.TCPConnector(force_close=True)
        async with asyncio.TaskGroup() as self._group, aiohttp.ClientSession(connector=connector) as session:
            self._session = session
            self._renderer = LocalProvider(
                self._folder,
                concurrency=_MAX_UNDER_WAY,
                threads=max(1, (os.cpu_count() or 1) // 2),
                tasks=self._group,
                changed=lambda task_id: self.tasks[task_id].has_moved.set(),
            )
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self._url = URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1])
                yield self
            finally:
                await runner.cleanup()
                for carrier in self._carriers:
                    carrier.cancel()
                await self._renderer.close()

    # What is asked.

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every refusal in the vendor's own form; files need no key, as behind any link."""
        try:
            if not request.path.startswith("/files/"):
                self._sign_in(request)
            return await handler(request)
        except Unfit as fault:
            body = {"code": fault.code, "message": str(fault), "request_id": "practice"}
            return web.json_response(body, status=fault.status)

    def _sign_in(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", errors="backslashreplace")
        if not hmac.compare_digest(given, f"Bearer {self.key}".encode()):
            raise Unfit("Authorization is not valid", status=401, code=1002)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        kind = KINDS[request.path.rpartition("/")[2]]
        try:
            body: Any = await request.json()
        except (ValueError, RecursionError):
            raise Unfit("The body is not JSON", code=1200) from None
        order = await asyncio.to_thread(order_of, body, kind, self._models)
        task = self._taken(kind, order)
        if self.manner is Manner.HANGS_UP:
            return _hang_up(request)
        return _told(task)

    def _taken(self, kind: Kind, order: Order) -> Task:
        if self.manner is Manner.REFUSES:
            raise Unfit("The content may violate the platform's rules", code=1301)
        if order.key and any(task.order.key == order.key for task in self.tasks.values()):
            raise Unfit("external_task_id is not unique")
        if len(self._carriers) >= _MAX_UNDER_WAY:
            raise Unfit("parallel task over resource pack limit", status=429, code=1303)
        will_fail = self.manner is Manner.FAILS
        task = Task(str(next(self._ids)), kind, order, will_fail, self._clock.now_ms())
        self.tasks[task.id] = task
        carrier = self._group.create_task(self._carry(task))
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        return task

    async def _query(self, request: web.Request) -> web.StreamResponse:
        name, kind = request.match_info["name"], KINDS[request.path.split("/")[-2]]
        for task in self.tasks.values():
            if task.kind is kind and name in (task.id, task.order.key):
                return _told(task, **self._result(task))
        raise Unfit("task not found", status=404, code=1203)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        task = self.tasks.get(request.match_info["name"])
        if task is None or task.status is not Status.SUCCEED:
            raise web.HTTPNotFound
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        async with self._renderer.open(task.id) as chunks:
            await response.prepare(request)
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()
        return response

    # What is made.

    async def _carry(self, task: Task) -> None:
        """Make the clip, put it on the bill, and tell the customer."""
        task.status = Status.PROCESSING
        try:
            reason = await self._made(task)
        except OSError as fault:
            reason = f"The disk is in the way: {fault.strerror}."
        except Exception:  # noqa: BLE001 - whatever it is, other clips are made
            _log.exception("The practice vendor could not make a clip.")
            reason = "The generation failed"
        await self._is_quick.wait()
        if reason:
            task.status, task.reason = Status.FAILED, reason
        else:
            task.status = Status.SUCCEED
            key, model = task.order.key or "", task.order.spec.id
            self.bill.append(Charge(task.id, key, model, task.order.units, self._clock.now_ms()))
        self.changed()
        await self._call_back(task)

    async def _made(self, task: Task) -> str:
        """Why the clip could not be made; empty where it was."""
        if task.will_fail:
            await asyncio.sleep(self._fails_after_s)
            return "The generation failed"
        inputs = await asyncio.to_thread(self._written, task.order)
        submission = Submission(task.id, task.order.spec, task.order.request, inputs)
        if not isinstance(answer := await self._renderer.submit(submission), Accepted):
            return answer.reason
        while True:
            match await self._renderer.poll(task.id):
                case Ready():
                    return ""
                case Failed(reason):
                    return reason
                case Pending(_, ask_again_s):
                    with suppress(TimeoutError):
                        await asyncio.wait_for(task.has_moved.wait(), ask_again_s)
                    task.has_moved.clear()

    def _written(self, order: Order) -> dict[str, Path]:
        folder = self._folder / "given"
        folder.mkdir(parents=True, exist_ok=True)
        for blob, data in order.files.items():
            (folder / blob).write_bytes(data)
        return {blob: folder / blob for blob in order.files}

    async def _call_back(self, task: Task) -> None:
        """Tell the customer, on this machine alone; it need not listen: it asks as well."""
        body = json.dumps(task.payload(**self._result(task)))
        with suppress(aiohttp.ClientError, TimeoutError, ValueError):  # the last of what is no address
            url = URL(task.order.callback_url or "")
            if url.scheme != "http" or url.host not in _HERE:
                return
            headers = {"Content-Type": "application/json"}
            await self._session.post(url, data=body, headers=headers, timeout=_CALLBACK_TIMEOUT)

    def _result(self, task: Task) -> dict[str, Any]:
        if task.status is not Status.SUCCEED:
            return {"task_status_msg": task.reason}
        seconds = str(task.order.request.duration_s)
        video = {"id": task.id, "url": f"{self.base_url}/files/{task.id}.mp4", "duration": seconds}
        return {"final_unit_deduction": str(task.order.units), "task_result": {"videos": [video]}}


def _told(task: Task, **more: Any) -> web.Response:
    said = {"code": 0, "message": "SUCCEED", "request_id": "practice", "data": task.payload(**more)}
    return web.json_response(said)


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
