"""Settings of a node of a cluster: several of them work on one PostgreSQL database."""

from __future__ import annotations

import os
import re
from typing import Annotated, Final

from pydantic import AfterValidator

from ilios.core.settings.fields import SubjectSettings, setting

NODE_NAME_MAX: Final = 63
_NODE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_UNNAMED: Final = "node"  #: where the host has no name that is one


def _node_name(value: str) -> str:
    if _NODE_NAME.fullmatch(value) is None:
        raise ValueError(f"must be at most {NODE_NAME_MAX} letters, digits, dots and dashes")
    return value


NodeName = Annotated[str, AfterValidator(_node_name)]


class ClusterSettings(SubjectSettings):
    """What nodes are called, and what all of them share."""

    node_name: NodeName | None = setting(
        None,
        "Name of this node in logs, metrics and /health, with DATABASE_URL; unset: the host's",
        "worker-3",
    )
    provider_concurrency: int | None = setting(
        None,
        "Provider calls in flight of all nodes together, with DATABASE_URL; unset: as many as "
        "the workers of the live nodes may have",
        "64",
        ge=1,
        le=100_000,
    )

    metrics_port: int | None = setting(
        None,
        "Port on which `ilios workers` answers /metrics, with DATABASE_URL and METRICS_TOKEN; "
        "unset: none",
        "9137",
        ge=1,
        le=65535,
    )

    @property
    def node(self) -> str:
        """The name of this node: NODE_NAME, else what of the host's name may be one."""
        if self.node_name is not None:
            return self.node_name
        host = re.sub(r"[^A-Za-z0-9._-]", "-", os.uname().nodename)[:NODE_NAME_MAX]
        return host if _NODE_NAME.fullmatch(host) else _UNNAMED
