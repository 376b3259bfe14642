"""The public log: its tree held to a naive one, its notes to their form, its proofs to every byte."""
