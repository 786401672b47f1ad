"""Objects as answers: sent whole, and closed with their last byte or their client."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder

from ilios.api.application import Application
from ilios.api.responses import streaming
from ilios.storage.base import ObjectStore

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/images/figure.png"
CONTENT = bytes(range(256)) * 4096  # 1 MiB: more than comes with the first block
NAMES = ["local_store", "s3_store"]


@pytest.mark.parametrize("name", NAMES)
def test_an_object_is_open_until_it_is_sent_though_its_answer_is_let_go(
    name: str, request: pytest.FixtureRequest, make_file: MakeFile
) -> None:
    store: ObjectStore = request.getfixturevalue(name)
    store.put(KEY, make_file(CONTENT), "image/png")
    environ = EnvironBuilder("/").get_environ()
    app = Application(__name__)

    with app.request_context(environ):
        body = streaming.stored(store, KEY, "image/png")(environ, lambda *_: lambda _: None)
        gc.collect()  # the answer itself is gone now, as it is when a server sends its bytes
        assert b"".join(body) == CONTENT
        close = getattr(body, "close", None)
        if close is not None:
            close()
