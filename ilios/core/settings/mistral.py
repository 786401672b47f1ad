"""Settings of the Mistral API: access, calls, batches, prices."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from ilios.core.prices import PriceBook, Pricing
from ilios.core.settings.fields import HttpUrl, SubjectSettings, setting


def _prices(value: str) -> str:
    PriceBook.parse(value)
    return value


Prices = Annotated[str, AfterValidator(_prices)]


class MistralSettings(SubjectSettings):
    """Calls to Mistral, and what they cost."""

    mistral_api_key: SecretStr | None = setting(None, "Key of the Mistral API", "xxx")
    mistral_server_url: HttpUrl = setting(
        "https://api.mistral.ai", "Base of the Mistral API", "https://api.mistral.ai"
    )
    mistral_traceparent: bool = setting(
        True, "Whether calls to Mistral carry the trace that they belong to", "true"
    )
    ocr_model: str = setting(
        "mistral-ocr-latest", "Model, unless a request names another", "mistral-ocr-2512"
    )
    call_deadline_seconds: int = setting(
        300, "Total time for one call to Mistral", "300", ge=1, le=3600
    )
    ambiguous_retries: int = setting(
        2, "Repetitions of a call whose outcome is unknown: each may be billed", "2", ge=0, le=10
    )
    provider_batch_poll_seconds: int = setting(
        10, "Time between two looks at a Mistral batch", "10", ge=1, le=3600
    )
    provider_batch_timeout_hours: int = setting(
        24, "When Mistral may give a batch up", "24", ge=1, le=168
    )
    price_book: Prices = setting(
        "",
        "Prices by model in USD for 1,000 pages, plain/annotated, over the built-in ones; "
        "* is any unknown model",
        "mistral-ocr-2512=2/3,*=4/5",
    )
    margin_rate: int = setting(30, "Added to the provider's price, in percent", "30", ge=0, le=1000)

    @property
    def pricing(self) -> Pricing:
        return Pricing(PriceBook.parse(self.price_book), self.margin_rate)
