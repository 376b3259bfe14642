"""From a finished sitting to a decision about a person, and what stands in public afterwards."""
