"""Why a service cannot be moved."""

from __future__ import annotations

from ilios.core.errors import CommandFailed


class TransferRefused(CommandFailed):
    """The move cannot begin, or go on; one line with the cause and the remedy."""

    code = "transfer_refused"


class TransferFailed(CommandFailed):
    """What arrived is not what was sent. The source is as it was, and may go on."""

    code = "transfer_failed"
