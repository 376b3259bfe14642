"""One public log over the whole journal: a Merkle tree, signed checkpoints, and proofs that anybody can check."""
