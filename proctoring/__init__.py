"""Watching a sitting, with people in charge. It reports incidents to the engine and knows nothing of the items."""
