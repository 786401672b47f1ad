"""What is wrong with a webhook: no address, no secret, or a delivery that is asked for."""

from __future__ import annotations

from ilios.core.request_errors import Conflict, NotFound, RequestError


class WebhookSecretMissing(RequestError):
    """Nothing is there to sign events with, so that none can be sent."""

    code = "webhook_secret_missing"

    def __init__(self) -> None:
        super().__init__(
            "Events are signed, and there is no secret for this key. An operator gives it one "
            "(`ilios keys webhook KEY --secret new`), or sets WEBHOOK_SECRET for all."
        )


class WebhookUrlMissing(RequestError):
    """No address was sent, and the key has none."""

    code = "webhook_url_missing"

    def __init__(self) -> None:
        super().__init__(
            "This key has no address for events. Send `webhookUrl`, or have an operator give the "
            "key one (`ilios keys webhook KEY --url URL`)."
        )


class DeliveryNotFound(NotFound):
    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("No delivery with this id belongs to this key, or it was removed by age.")


class DeliveryUnderWay(Conflict):
    """What is to be repeated has not ended yet."""

    code = "delivery_under_way"

    def __init__(self) -> None:
        super().__init__(
            "This delivery has not ended: it is tried again by itself. Replay it once it is "
            "delivered or has failed."
        )
