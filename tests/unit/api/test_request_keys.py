"""Which key a request carries, from its environment and from its head alike."""

from __future__ import annotations

import pytest

from ilios.api.request_keys import NO_KEY, key_of_environ, key_of_fields

SENT = [
    ({"Authorization": "Bearer a-key"}, "a-key"),
    ({"Authorization": "bearer   a-key "}, "a-key"),
    ({"X-Api-Key": "a-key"}, "a-key"),
    ({"unstructured-api-key": " a-key "}, "a-key"),
    ({"Ocp-Apim-Subscription-Key": "a-key"}, "a-key"),
    ({"Authorization": "Bearer a-key", "X-Api-Key": "another"}, "a-key"),
    ({"Authorization": "Bearer ", "X-Api-Key": "a-key"}, "a-key"),
    ({"Authorization": "Basic dXNlcg==", "X-Api-Key": "a-key"}, "a-key"),
    ({"X-Api-Key": "", "unstructured-api-key": "a-key"}, "a-key"),
    ({"Authorization": "Basic dXNlcg=="}, NO_KEY),
    ({"Authorization": "token a-key"}, NO_KEY),
    ({"Authorization": "a-key"}, NO_KEY),
    ({"X-Api-Keys": "a-key"}, NO_KEY),
    ({}, NO_KEY),
]


@pytest.mark.parametrize(("headers", "key"), SENT)
def test_authentication_and_fair_threads_see_the_same_key(
    headers: dict[str, str], key: str
) -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
    fields = "".join(f"{name}: {text}\r\n" for name, text in headers.items())

    assert key_of_environ(environ) == key
    assert key_of_fields(b"GET / HTTP/1.1\r\nHost: x\r\n" + fields.encode()) == key
    assert key_of_fields(b"GET / HTTP/1.1\r\n" + fields.upper().encode()) == key.upper()
