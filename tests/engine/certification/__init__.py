"""From a finished sitting to a decision: the scheme, the votes, the certificate."""
