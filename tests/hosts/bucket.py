"""`python -m tests.hosts.bucket ADDRESS CERTIFICATE KEY`: buckets over TLS, as one host's process.

Prints its URL. It ends with whoever holds its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.buckets import bucket_server
from tests.support.tls import Certificate


def main() -> None:
    address, *files = sys.argv[1:]
    with bucket_server(Certificate(*map(Path, files)), address) as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
