"""What a service costs that has nothing to do: `python -m bench.idle`."""

from __future__ import annotations

import time

from bench.service import running

SECONDS = 30


def main() -> None:
    with running() as service:
        print(f"ready, with all workers, after   {service.ready_seconds:6.2f} s")
        time.sleep(5)
        before = service.cpu_seconds()
        time.sleep(SECONDS)
        cpu_percent = 100 * (service.cpu_seconds() - before) / SECONDS
        print(f"memory of the tree (PSS)         {service.pss_mib():6.0f} MiB")
        for process in service.tree():
            print(f"    {process.memory_full_info().pss / 2**20:6.1f} MiB  {process.name()}")
        print(f"processor time                   {cpu_percent:6.2f} % of one core")
        print(f"stopped after                    {service.stop():6.2f} s")


if __name__ == "__main__":
    main()
