"""One exam in one seeded loop: windows, network, clocks, disk and server, with everything going wrong that may.

The server's rules (`engine.answer_line`, `engine.conduct`, the fold) and the browser's (`scripts.model_client`) are the
real ones; only what they stand on is made up, so that a day of trouble takes milliseconds and repeats from its seed:

* `journal` stores in memory with the writer's semantics: a batch is committed or gone, and answered after that.
* `server` is the shell of the answer machine: Lines, POSTs, tickets, the ticker, and a process that can die.
* `device` is a candidate's browser with its network: connections that delay, lose, repeat, reorder and half-open.
* `day` is the loop itself, who acts when, and the faults a seed brings.
* `reference` watches: what was acknowledged, what is stored, what counts and what time is left, worked out naively.

    invigil drill simulate --seeds 10000 --json
    invigil drill simulate --seeds 1 --from 4711 -v      # one seed, step by step

Source: FoundationDB's deterministic simulation ("Testing Distributed Systems w/ Deterministic Simulation", 2014).
"""
