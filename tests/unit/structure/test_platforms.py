"""What differs between platforms is behind one module for each of two things."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.forking import REPOSITORY
from tests.unit.structure.tree import files, imported_by, module_name

DRIVERS = {"apsw", "cysqlite", "pysqlite3", "sqlcipher3", "sqlite3"}


def test_one_module_imports_the_driver_of_sqlite() -> None:
    folders = ("ilios", "tests", "bench")
    ours = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    importers = {
        module_name(path)
        for path in ours
        if any(driver in path.read_text() for driver in DRIVERS)  # parsing takes seconds
        and DRIVERS & {name.partition(".")[0] for name in imported_by(path)}
    }

    assert importers == {"ilios.db.driver"}


OF_ONE_SYSTEM = re.compile(
    r"sys\.platform|platform\.(system|machine|libc_ver|mac_ver)"
    r"|ctypes\.CDLL|fcntl\.(fcntl|F_\w+)|resource\.RLIMIT_(NOFILE|AS|NPROC)|resource\.getrusage"
    r"|resource\.setrlimit\(.*RLIMIT_DATA"
    r"|select\.(epoll|kqueue)|signal\.(sigtimedwait|sigwaitinfo|pidfd_send_signal)"
    r"|os\.(sched_\w+|posix_fallocate|posix_fadvise|sendfile|eventfd|memfd_create|pidfd_open"
    r"|copy_file_range|splice|fsync|fdatasync|getxattr|setxattr|O_TMPFILE|O_PATH)"
)
"""What one of the systems lacks, or means by it something else. Whether a call is there at all is
asked of mypy too, for macOS (`make lint`).
"""
FOLDERS_OF_LINUX = ("/proc/", "/sys/", "/dev/")


def test_one_module_knows_the_operating_system() -> None:
    knowing = {module_name(path) for path in files() if any(_of_one_system(path))}

    assert knowing == {"ilios.core.platform"}


def _of_one_system(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute | ast.Call) and OF_ONE_SYSTEM.match(ast.unparse(node)):
            yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and str(node.value).startswith(FOLDERS_OF_LINUX):
            yield str(node.value)
