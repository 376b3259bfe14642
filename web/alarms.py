"""What is wrong with the machine itself, for whoever invigilates: a wall shows it at once and takes it away again.

* ``journal``: answers cannot be stored now. The browsers keep them and send them again; nobody is told "saved".
* ``evidence``: the disk is nearly full, so pictures around incidents are not kept.

`/readyz` answers with 503 while the first holds, so that whoever looks after the machine hears of it too.
"""

from __future__ import annotations

from proctoring.desk import Desk
from web.house import House


def alarms(house: House, desk: Desk) -> list[str]:
    """The alarms that hold now. Cheap enough to be asked twice a second for each wall."""
    told = []
    if house.writer.health.failing_since is not None:
        told.append("journal")
    if desk.evidence.crowded:
        told.append("evidence")
    return told
