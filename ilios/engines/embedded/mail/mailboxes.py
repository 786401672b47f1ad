"""Opens the files that hold one mail each, in the form of MIME or of Outlook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.mail import mime
from ilios.engines.embedded.mail.letters import Letter
from ilios.engines.embedded.text.decoding import read_limited


@contextmanager
def opened(source: Source) -> Iterator[Letter]:
    """Open a mail, whose attachments can be read until the end. Raises ConversionError."""
    if source.media_type == media_types.MSG:
        from ilios.engines.embedded.mail import outlook

        with outlook.opened(source.path) as letter:
            yield letter
    else:
        yield mime.letter_of(read_limited(source.path, mime.KIND))
