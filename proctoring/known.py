"""One sitting as the desk knows it: its phase and policy, its Lines, and its tracks of pictures.

Plain state; the desk holds the lock.

>>> from proctoring.signals import THRESHOLDS
>>> known = Known(Camera("sit-1", THRESHOLDS), Track("sit-1", Which.SCREEN))
>>> [track.name for track in known.tracks], known.watched
(['sit-1'], False)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.charge import Charge
from engine.policy import Policy
from engine.sitting import Phase
from proctoring.camera import Camera
from proctoring.track import Track, Which


@dataclass(slots=True)
class Known:
    """What the desk knows of one sitting. ``line_heard`` is None until its answer Line was heard of;
    ``pausing`` while its pause or the standby's takeover is on its way."""

    camera: Camera
    screen: Track
    exam: str = ""
    phase: Phase = Phase.NONE
    practice: bool = False
    policy: Policy = field(default_factory=Policy)
    line_up: bool = True
    line_heard: datetime | None = None
    charge: Charge = field(default_factory=Charge)
    pausing: bool = False

    @property
    def sitting(self) -> str:
        return self.camera.sitting

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Those the policy asks for."""
        wanted = ((self.camera, self.policy.camera), (self.screen, self.policy.screen))
        return tuple(track for track, asked in wanted if asked)

    def track(self, which: Which) -> Track:
        return self.camera if which is Which.CAMERA else self.screen

    @property
    def alive(self) -> bool:
        """Whether the answer Line has been heard since the last frame: else the network is gone, not the camera."""
        last_frame = self.camera.last_frame
        return self.line_heard is None or last_frame is None or self.line_heard >= last_frame

    @property
    def watched(self) -> bool:
        """Whether an invigilator must be there for this sitting now."""
        return self.phase is Phase.RUNNING and self.policy.attended and not self.practice
