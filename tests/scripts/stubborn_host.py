"""A victim with the bug of a retried fsync: when a sync fails it is called again, and the second answer is believed.

What the first one did not write, the second one does not write either: the kernel has marked those pages clean.
"""

from __future__ import annotations

import ctypes
import errno

from scripts.victim import Host, nursery


class FailingDiskHost(Host):
    """On a disk whose fourth sync fails."""

    retries = 0

    def work(self) -> None:
        disk = ctypes.CDLL(None)
        disk.faulty_disk_retry(self.retries)
        disk.faulty_disk_fail(ctypes.c_char(b"S"), ctypes.c_long(4), errno.EIO)
        super().work()


class StubbornHost(FailingDiskHost):
    retries = 1


if __name__ == "__main__":
    nursery(StubbornHost)
