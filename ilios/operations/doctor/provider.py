"""The provider: its address, our key, the model, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ilios.core.conversion_errors import ConversionError, ProviderMisconfigured, ProviderThrottled
from ilios.core.settings import Settings
from ilios.engines import registry
from ilios.operations.doctor.finding import Finding, cause_and_remedy, error, ok, skipped, warning

if TYPE_CHECKING:
    from ilios.engines.mistral.account_check import Account

CHECK = "Mistral"
MODEL_CHECK = "OCR model"
CLOCK_CHECK = "clock"

CLOCK_OFF_SECONDS: Final = 60.0  #: links and times of results are wrong by it
CLOCK_WRONG_SECONDS: Final = 300.0  #: certificates and signatures begin to fail
MODELS_NAMED: Final = 5
SET_CLOCK: Final = "Set the clock, and keep it by NTP: timedatectl set-ntp true (on the host)."


def examine(settings: Settings) -> Iterator[Finding]:
    """Ask the provider for its models, which costs nothing."""
    if settings.engine_name != registry.MISTRAL:
        yield skipped(CHECK, "The embedded engine converts, without a key and without a network.")
        return
    from ilios.engines.mistral import (
        account_check,  # the SDK takes a second to import
    )

    account = account_check.examine(settings)
    if account.fault is None:
        yield ok(CHECK, f"{settings.mistral_server_url} takes MISTRAL_API_KEY.")
        yield _model(settings.ocr_model, account)
    else:
        yield _refused(account.fault)
    if account.clock_ahead_seconds is not None:
        yield _clock(account.clock_ahead_seconds)


def _refused(fault: ConversionError) -> Finding:
    if isinstance(fault, ProviderMisconfigured):
        return error(CHECK, *cause_and_remedy(fault.detail))
    if isinstance(fault, ProviderThrottled):
        return warning(CHECK, fault.detail, "Wait: the key is good, and documents wait too.")
    return error(
        CHECK,
        fault.detail,
        "Check network, DNS and proxy (HTTPS_PROXY) of this machine, then the provider's status "
        "page; documents wait meanwhile.",
    )


def _model(name: str, account: Account) -> Finding:
    if name in account.models:
        return ok(MODEL_CHECK, f"Mistral has {name}.")
    known = sorted(model for model in account.models if "ocr" in model)[-MODELS_NAMED:]
    return error(
        MODEL_CHECK,
        f"Mistral has no model {name!r} for this key.",
        f"Set OCR_MODEL to one that it has: {', '.join(known) or 'none is for OCR'}.",
    )


def _clock(ahead_seconds: float) -> Finding:
    sentence = (
        f"The clock of this machine is {abs(ahead_seconds):.0f} s "
        f"{'ahead of' if ahead_seconds > 0 else 'behind'} the provider's."
    )
    if abs(ahead_seconds) > CLOCK_WRONG_SECONDS:
        return error(CLOCK_CHECK, sentence, SET_CLOCK)
    if abs(ahead_seconds) > CLOCK_OFF_SECONDS:
        return warning(CLOCK_CHECK, sentence, SET_CLOCK)
    return ok(CLOCK_CHECK, "It agrees with the provider's.")
