"""Buckets at whoever speaks S3: how one is opened, and whether it does what blobs need of it."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

if TYPE_CHECKING:  # they are not there at run time
    from obstore.store import ClientConfig, RetryConfig, S3Config

_CONNECTS_WITHIN = timedelta(seconds=5)
_READS_WITHIN = timedelta(seconds=30)
_TAKES_AT_MOST = timedelta(hours=1)
"""The whole of a download, at the pace of who reads it; one that stands still ends long before."""
_TRIED_AGAIN: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_TRIAL = b"The doctor has tried whether this bucket can be written."


@dataclass(frozen=True, slots=True)
class Access:
    """What opens a bucket; what is None is found where AWS's own programs find it: the environment, the machine's role."""

    endpoint: str | None = None
    """Where S3 is spoken, other than at AWS; one without TLS begins with http://."""
    region: str | None = None
    key_id: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def opened(url: str, access: Access) -> ObjectStore:
    """The store behind a URL such as `s3://bucket/prefix`; nobody is asked yet.

    Raises:
        obstore.exceptions.BaseError, ValueError: the URL is not understood.
    """
    if not url.startswith(("s3://", "s3a://")):
        return from_url(url)
    given = {
        "access_key_id": access.key_id,
        "secret_access_key": access.secret,
        "session_token": access.token,
        "region": access.region,
        "endpoint": access.endpoint,
    }
    config: S3Config = {name: value for name, value in given.items() if value}  # pyright: ignore[reportAssignmentType]
    options: ClientConfig = {
        "connect_timeout": _CONNECTS_WITHIN,
        "read_timeout": _READS_WITHIN,
        "timeout": _TAKES_AT_MOST,
    }
    if (access.endpoint or "").startswith("http://"):
        options["allow_http"] = True
    return from_url(url, config=config, client_options=options, retry_config=_TRIED_AGAIN)


async def trouble(store: ObjectStore) -> str | None:
    """What cannot be done in a bucket, and why, as the rest of a sentence about it; None if all can that blobs need."""
    key, what = f"trial/{uuid.uuid4().hex}", "listed"
    try:
        await listed(store, "trial")
        what = "written"
        await obstore.put_async(store, key, _TRIAL)
        what = "read"
        data = bytes(await (await obstore.get_async(store, key)).bytes_async())
        if data != _TRIAL:
            return "gives back other bytes than it was given"
        what = "cleared: nothing can be deleted"
        await obstore.delete_async(store, key)
    except (OSError, BaseError) as error:
        return f"cannot be {what} ({_reason(error)})"
    return None


async def listed(store: ObjectStore, prefix: str) -> None:
    """Have the store say what it has under a prefix: other than a question about one key, that tells a bucket that is gone.

    Raises:
        obstore.exceptions.BaseError, OSError: it cannot.
    """
    async for _ in obstore.list(store, prefix, chunk_size=1):  # pyright: ignore[reportUnknownMemberType]  # arrow's kind is not installed
        break


def _reason(error: Exception) -> str:
    """S3's own word for it if it said one, else the kind of error."""
    _, begun, rest = str(error).partition("<Code>")
    code, ended, _ = rest.partition("</Code>")
    return code if begun and ended and code.isalnum() else type(error).__name__
