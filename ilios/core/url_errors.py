"""What is wrong with an address that a client names."""

from __future__ import annotations

from ilios.core.request_errors import RequestError


class UrlNotAllowed(RequestError):
    """An address that is not fetched; `rule` names what is against it."""

    code = "url_not_allowed"
    title = "URL not allowed"

    def __init__(self, rule: str, why: str, *, is_openable: bool = True) -> None:
        remedy = (
            "An operator can open hosts and networks in URL_ALLOW."
            if is_openable
            else "URL_ALLOW cannot open it: it lists hosts and networks."
        )
        super().__init__(f"This address may not be fetched ({rule}). {why}. {remedy}")
        self.rule = rule
