"""Replication to Turso: the volume's database is the truth, the remote one is its copy.

`examine` and `prepare_volume` are called before the service starts, `keep_log` after migrations,
`ReplicatorHandle` by the supervisor. Nothing of this runs unless USE_EMBEDDED_REPLICA is true.
"""

from ilios.replication.change_log import keep_log, part_of_the_schema
from ilios.replication.handle import ReplicatorHandle
from ilios.replication.preflight import examine
from ilios.replication.startup import prepare_volume

__all__ = [
    "ReplicatorHandle",
    "examine",
    "keep_log",
    "part_of_the_schema",
    "prepare_volume",
]
