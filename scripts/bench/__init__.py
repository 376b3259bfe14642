"""What things cost: each benchmark a module of its own, measured against a baseline of the same run."""
