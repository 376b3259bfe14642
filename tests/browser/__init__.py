"""Stories in a real Chromium. ``vision`` comes first, because OpenCV reads the limits set there when it is imported."""

import proctoring.vision  # noqa: F401
