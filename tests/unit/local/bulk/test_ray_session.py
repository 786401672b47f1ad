"""What is said of a cluster of Ray before Ray is asked."""

from __future__ import annotations

import pytest

from ilios.core.errors import StartupError
from ilios.local.bulk import ray_session
from tests.support.api_server import free_port


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_at_which_nothing_listens_is_refused_with_the_remedy(address: str) -> None:
    named = address.format(free_port())

    with pytest.raises(StartupError) as refusal, ray_session.cluster(named):
        pass

    assert f"nothing answers at {named}" in str(refusal.value)
    assert "leave --address out" in str(refusal.value)
