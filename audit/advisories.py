"""What is publicly known to be wrong with the packages that are locked, as osv.dev tells it in one request.

OSV API, POST /v1/querybatch: a result for each query, in their order.
"""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

OSV = "https://api.osv.dev"
_TIMEOUT_S = 20
_MAX_BYTES = 16 << 20


class Unreachable(Exception):
    """Nobody could be asked: nothing is known of advisories."""


def advisories(versions: Mapping[str, str], *, base_url: str = OSV) -> list[str]:
    """Every advisory that holds for one of these versions; a line each.

    Raises:
        Unreachable: the network does not reach osv.dev, or what answers is not it.
    """
    names = sorted(versions)
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": versions[name]} for name in names]
    try:
        results = _asked(base_url, {"queries": queries})["results"]
        found = [[one["id"] for one in result.get("vulns", ())] for result in results]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreachable(f"{base_url} cannot be asked about advisories ({type(error).__name__})") from error
    if len(found) != len(names):
        raise Unreachable(f"{base_url} answered {len(found)} of {len(names)} questions about advisories")
    return [
        f"{name} {versions[name]}: {advisory}"
        for name, ids in zip(names, found, strict=True)
        for advisory in ids
    ]


def _asked(base_url: str, body: Any) -> Any:
    """The answer to one request; nobody is followed anywhere."""
    address = urlsplit(base_url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", "/v1/querybatch", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise http.client.HTTPException(response.status)
        return json.loads(response.read(_MAX_BYTES))
    finally:
        connection.close()
