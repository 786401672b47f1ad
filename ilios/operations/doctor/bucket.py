"""The bucket of the object store."""

from __future__ import annotations

from collections.abc import Iterator

from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.operations.doctor.finding import Finding, cause_and_remedy, error, ok, refused, skipped

CHECK = "bucket"

DONE = {
    "connect": "The bucket answers.",
    "clock": "Its clock agrees with ours.",
    "put": "A small object can be stored.",
    "get": "It can be read back.",
    "link": "A presigned link serves it.",
    "delete": "It can be deleted.",
    "missing": "What is not there is told from what is forbidden.",
}


def examine(settings: Settings) -> Iterator[Finding]:
    """Put, get, presign and delete a small object, and compare the clocks."""
    if settings.s3_bucket is None:
        yield skipped(CHECK, "Objects live in the data folder: there is no bucket to check.")
        return
    if settings.aws_access_key_id is None or settings.aws_secret_access_key is None:
        yield skipped(CHECK, "Repair the settings of the bucket first.")
        return
    from ilios.storage import self_test  # the S3 client takes a third of a second to import

    try:
        for check in self_test.checks(settings):
            name = f"{CHECK}, {check.name}"
            if check.fault is None:
                yield ok(name, DONE[check.name])
            else:
                yield error(name, *cause_and_remedy(check.fault.detail))
    except StartupError as refusal:
        yield refused(CHECK, refusal)
