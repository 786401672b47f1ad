"""A bucket for one measurement, in memory: `python -m bench.object_store` prints its URL.

It costs little beside the service; signatures are not checked. Tests use moto and Ceph instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

REPOSITORY = Path(__file__).parents[1]
BUCKET = "bench"
LARGEST_BYTES = 2 * 1024**3

objects: dict[str, bytes] = {}
stored_at: dict[str, datetime] = {}


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """Run the server during the block; provide the settings by which a service uses it."""
    command = [sys.executable, "-m", "bench.object_store"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield {
                "S3_BUCKET": BUCKET,
                "AWS_ENDPOINT_URL_S3": server.stdout.readline().strip(),
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",  # not checked
            }
        finally:
            server.terminate()


async def answer(request: web.Request) -> web.Response:
    """Answer what the service asks of a bucket; what it asks of large objects is not there."""
    key = request.match_info["key"]
    if not key:
        return _listing(request.query.get("prefix", "")) if request.method == "GET" else _ok()
    if request.method == "PUT":
        source = request.headers.get("x-amz-copy-source")
        objects[key] = objects[source.partition("/")[2]] if source else await request.read()
        stored_at[key] = datetime.now(UTC)
        return _ok({"ETag": _etag(objects[key])})
    if request.method == "DELETE":
        objects.pop(key, None)
        return web.Response(status=204)
    if key not in objects:
        return _xml(404, "<Error><Code>NoSuchKey</Code></Error>")
    headers = {
        "ETag": _etag(objects[key]),
        "Last-Modified": format_datetime(stored_at[key], usegmt=True),
    }
    if request.method == "GET" and request.http_range != slice(None, None, 1):
        part = objects[key][request.http_range]
        return web.Response(status=206, body=part, headers=headers)
    return web.Response(body=objects[key], headers=headers)


def _listing(prefix: str) -> web.Response:
    rows = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
        f"<LastModified>{stored_at[key]:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
        for key, content in sorted(objects.items())
        if key.startswith(prefix)
    )
    body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
    return _xml(200, body)


def _ok(headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(headers=headers)


def _xml(status: int, body: str) -> web.Response:
    return web.Response(status=status, text=body, content_type="application/xml")


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


async def _serve() -> None:
    app = web.Application(client_max_size=LARGEST_BYTES)
    app.router.add_route("*", f"/{BUCKET}" + "{slash:/?}{key:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()  # until it is terminated


if __name__ == "__main__":
    asyncio.run(_serve())
