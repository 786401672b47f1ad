"""Asks the service on this machine whether it is well: `python -m ilios.probe [PATH]`.

For a container's HEALTHCHECK: standard library only, so that a probe costs little.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_SECONDS = 4.0
DEFAULT_PATH = "/health"


def probe(port: int, path: str) -> str | None:
    """Return what is wrong; None when the service answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return f"port {port} does not answer: {error}"
    else:
        body = answer.read(2000).decode(errors="replace")
        return None if answer.status == http.client.OK else f"{path} says {answer.status}: {body}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(probe(int(os.environ.get("PORT") or 1337), (sys.argv[1:] or [DEFAULT_PATH])[0]))
