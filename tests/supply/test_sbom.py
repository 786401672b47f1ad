"""The software bill of materials that `make sbom` writes: valid, and complete."""

from __future__ import annotations

import json
import re

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY

SBOM = REPOSITORY / "sbom.json"
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;]+)", re.MULTILINE)


def test_the_bill_is_valid_and_names_each_locked_package_with_its_hashes() -> None:
    if not SBOM.exists():
        unavailable("sbom.json is missing: run `make sbom`")
    text = SBOM.read_text()
    bill = json.loads(text)

    assert (
        JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"])).validate_str(text)
        is None
    )
    listed = {(one["name"], one["version"]): one for one in bill["components"]}
    locked = set(LOCKED.findall((REPOSITORY / "requirements.lock").read_text()))
    assert len(locked) > 50
    assert listed.keys() == locked
    for component in listed.values():
        assert component["purl"]
        assert all(reference["hashes"] for reference in component["externalReferences"])
