"""A victim as it should be, on a disk whose fourth sync fails: it ends at once and acknowledges nothing more."""

from __future__ import annotations

from scripts.victim import nursery
from tests.scripts.stubborn_host import FailingDiskHost

if __name__ == "__main__":
    nursery(FailingDiskHost)
