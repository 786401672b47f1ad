"""The body of a retry: what is not kept of a document, and has to be sent again."""

from __future__ import annotations

from ilios.api.schemas.request_fields import PasswordField
from ilios.api.schemas.requests import FormSchema


class RetryForm(FormSchema):
    may_be_left_out = True
    json_example = '{"password": "…"}'

    password = PasswordField()
