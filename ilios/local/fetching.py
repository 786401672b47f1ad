"""Documents at addresses, fetched here under the guard and the bounds of a service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ilios.core.request_errors import FileTooLarge
from ilios.core.settings import Settings
from ilios.local.converter import NotConverted
from ilios.outbound.fetching import Fetcher
from ilios.outbound.guard import Guard


class Fetches:
    """Fetches for several threads. Raises NotConverted for a URL_ALLOW that cannot be read."""

    def __init__(self, url_allow: str) -> None:
        settings = Settings.model_construct(url_allow=url_allow)
        try:
            self._fetcher = Fetcher(Guard(settings.url_allowance))
        except ValueError as error:
            raise NotConverted(f"URL_ALLOW: {error}.") from error
        self._limit_bytes = settings.max_file_size_bytes

    def fetch(self, url: str, name: str, path: Path, is_wanted: Callable[[], bool]) -> str:
        """Write the bytes of an address to a file until nobody wants them; return their name.

        `name` is what the address calls them. Raises IliosError and OSError.
        """
        with path.open("wb") as file:

            def write(block: bytes) -> None:
                if file.tell() + len(block) > self._limit_bytes:
                    raise FileTooLarge(f"The file is larger than {self._limit_bytes} bytes.")
                file.write(block)

            fetched = self._fetcher.fetch(
                url, write, limit_bytes=self._limit_bytes, is_wanted=is_wanted
            )
        return fetched.named(name)
