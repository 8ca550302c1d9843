"""What the bot tells of itself, in Prometheus' format: `GET /metrics`. The only place that knows Prometheus."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, Sequence

import aiohttp
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from bot.domain.errors import KinoraError
from bot.domain.metrics import Buckets, Kind, Labels, Metric, Spread, Tally

log = structlog.stdlib.get_logger(__name__)

Read = Callable[[], Awaitable[Sequence[Metric]]]

_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class MetricRoutes:
    """Answers whoever may ask."""

    def __init__(self, read: Read, *, token: str | None) -> None:
        """`token` None lets everybody ask who reaches the server."""
        self._read = read
        self._token = None if token is None else f"Bearer {token}".encode()
        self.answers = Tally(
            "kinora_web_answers_total",
            "Answers of the web server, callbacks among them.",
            ("route", "status"),
        )

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_get("/metrics", self._metrics)

    def answered(self, request: web.Request, status: int) -> None:
        """Count an answer by the pattern of its path: the path itself may hold a secret."""
        resource = request.match_info.route.resource
        self.answers.add(resource.canonical if resource is not None else "none", str(status))

    async def _metrics(self, request: web.Request) -> web.Response:
        said = request.headers.get("Authorization", "").encode("utf-8", errors="backslashreplace")
        if self._token is not None and not hmac.compare_digest(self._token, said):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        try:
            told = await self._read()
        except KinoraError as fault:
            log.warning("no metrics", reason=str(fault))
            return web.Response(status=503, text="The database cannot be read.")
        text = await asyncio.to_thread(exposed, [*told, self.answers.read()])
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
        return web.Response(body=text, headers=headers)


def exposed(told: Iterable[Metric]) -> bytes:
    """The metrics, and those of the process, in Prometheus' text format."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Told(told))
    return generate_latest(registry)


def discord_trace(requests: Tally, seconds: Spread) -> aiohttp.TraceConfig:
    """Counts what Discord answers to the session that it is given to."""
    trace = aiohttp.TraceConfig()

    async def began(_: object, context: object, __: object) -> None:
        context.began_s = asyncio.get_running_loop().time()  # type: ignore[attr-defined] - a namespace

    async def ended(_: object, context: object, about: aiohttp.TraceRequestEndParams) -> None:
        requests.add(str(about.response.status))
        seconds.add(asyncio.get_running_loop().time() - context.began_s)  # type: ignore[attr-defined] - likewise

    async def failed(_: object, __: object, ___: object) -> None:
        requests.add("none")

    trace.on_request_start.append(began)
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    return trace


def discord_metrics() -> tuple[Tally, Spread]:
    """What `discord_trace` counts."""
    return (
        Tally(
            "kinora_discord_requests_total",
            "Requests to Discord's API by the status of its answer; none where no answer came.",
            ("status",),
        ),
        Spread("kinora_discord_request_seconds", "How long Discord's API took to answer.", _BOUNDS_S),
    )


class _Told:
    def __init__(self, told: Iterable[Metric]) -> None:
        self._told = told

    def collect(self) -> Iterable[Family]:
        return [_family(metric) for metric in self._told]


def _family(metric: Metric) -> Family:
    match metric.kind:
        case Kind.HISTOGRAM:
            return _histogram(metric)
        case Kind.COUNTER:
            family: CounterMetricFamily | GaugeMetricFamily = CounterMetricFamily(
                metric.name, metric.words, labels=metric.labels
            )
        case Kind.GAUGE:
            family = GaugeMetricFamily(metric.name, metric.words, labels=metric.labels)
    for labels, value in metric.samples.items():
        assert not isinstance(value, Buckets)
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric) -> Family:
    family = HistogramMetricFamily(metric.name, metric.words, labels=metric.labels)
    for labels, buckets in metric.samples.items():
        assert isinstance(buckets, Buckets)
        _add(family, labels, buckets)
    return family


def _add(family: HistogramMetricFamily, labels: Labels, buckets: Buckets) -> None:
    at_most = [
        ("+Inf" if bound == float("inf") else str(float(bound)), count) for bound, count in buckets.at_most
    ]
    family.add_metric(labels, at_most, sum_value=buckets.total)
