"""Samples of py-spy's raw format, sorted by process and by step of a document.

A line is a stack, the outermost frame first, and how often it was seen. Frames of processes come
first, `process PID:"COMMAND"`, then functions, `name (path:line)`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# A thread that waits has no processor; py-spy takes some of them for running.
WAITING = re.compile(
    r"(^|\.)(wait|_wait_for_tstate_lock|select|poll|accept|_worker|_flock_blocking|sleep) \("
)
# The first rule that any frame of a stack fulfils names its step.
STEPS = [
    ("log", r"structlog/|/logging/|telemetry/log|ilios/logs\.py|log_lines|access_log"),
    ("metrics", r"prometheus_client|telemetry/(metrics|shared)|metric_|resources/metrics"),
    ("trace", r"opentelemetry|telemetry/tracing|ilios/tracing"),
    ("commit", r"do_commit|_commit_impl|DriverSession\.commit|writer_lock|ilios/turns\.py|_flock"),
    ("hash", r"hashlib|digest|sha256|UploadSink\.write"),
    ("pipe", r"multiprocessing/(connection|reduction)|workers/(messages|handle)|ilios/pipe\.py"),
    (
        "call",
        r"mistralai/|httpx|httpcore|h11/|mistral/(client|connections|http_client|deadlines|sdk_cache)",
    ),
    ("answer", r"mistral/(answer|responses|images|placeholders|inline)|conversion/answer"),
    ("claim", r"dispatch(er)?\.py|queue/|ilios/queue\.py|workers/supervisor"),
    ("answer", r"answer_spool"),
    ("object", r"boto3/|botocore/|s3transfer/|ilios/storage/|durable_files"),
    ("transaction", r"sqlalchemy/|ilios/db/|ilios/database\.py|group_commit|scribe\.py"),
    ("parse", r"ilios/api/requests|formparser|sansio|webargs/.*parse|ilios/engines/"),
    ("answer", r"serializ|marshmallow/|api/responses|api/schemas"),
    ("rows", r"ilios/(documents|accounts)/"),
    ("HTTP", r"gunicorn|werkzeug|flask|ilios/api/|http/client|socketserver"),
    ("convert", r"ilios/(conversion|workers)/|ilios/(conversion|worker)\.py"),
]
# A web process stores objects, a worker fetches them.
OBJECT_STEP = {"web": "store", "worker": "fetch"}
_RULES = [(step, re.compile(pattern)) for step, pattern in STEPS]
_FRAME = re.compile(r"\S.* \(\S+?(:\d+)?\)$")


@dataclass
class Line:
    """One process kind's step: how often it was seen, and in which functions."""

    samples: int = 0
    functions: Counter[str] = field(default_factory=Counter)


def sort_samples(lines: Iterable[str], kinds: Mapping[int, str]) -> dict[tuple[str, str], Line]:
    """Return the samples by kind of process and step; those of waiting threads are left out.

    `kinds` has those that live at the end; only parsers end before.
    """
    sorted_lines: dict[tuple[str, str], Line] = defaultdict(Line)
    for text in lines:
        stack, _, count = text.rstrip("\n").rpartition(" ")
        *_, pid = (0, *re.findall(r'process (\d+):"[^"]*"', stack))
        frames = list(_frames(stack))
        if not frames or WAITING.search(frames[-1]):
            continue
        process = kinds.get(int(pid), "parser")
        line = sorted_lines[process, _step(frames, process)]
        line.samples += int(count)
        line.functions[_own(frames)] += int(count)
    return dict(sorted_lines)


def _frames(stack: str) -> Iterator[str]:
    for part in re.sub(r'process \d+:"[^"]*";?', "", stack).split(";"):
        if _FRAME.match(part):
            yield re.sub(r":\d+\)$", ")", part)


def _step(frames: list[str], process: str) -> str:
    for step, pattern in _RULES:
        if any(pattern.search(frame) for frame in frames):
            return OBJECT_STEP.get(process, step) if step == "object" else step
    return "other"


def _own(frames: list[str]) -> str:
    """Return the innermost function of ours, or of a library when none of ours is there."""
    ours = [frame for frame in frames if "(ilios/" in frame]
    name, _, path = (ours or frames)[-1].rpartition(" (")
    return f"{path.rpartition('/')[2].removesuffix(')').removesuffix('.py')}.{name}"
