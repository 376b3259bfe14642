"""What `invigil drill` is made of. Each drill is a module with a function ``command`` and one line in `commands`.

All of them have one shape. Model clients (`client`) send rows to a *victim* (`nursery`; a whole server in
`scripts.served`), keep a window of them in flight, and write what was acknowledged into a file of their own, synced
before they believe it. Something breaks. Then the `checker` holds what is stored against what was believed, and
`figures` says what came of it: ``tried``, ``acked``, ``lost``, ``late``, ``longest_outage_s``; exit 1 on any loss.
"""
