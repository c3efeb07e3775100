"""Long runs against the stand-in service: hundreds of jobs under faults, a hundred kills, stops in every state.

And recorders that are killed, starved and lied to, and libraries that are killed, cut off from power and damaged.
Started by `python3 packaging/dev.py soak`; reliability.md N2, N3, N4, N6, R1 to R10, L1, L2, L4 and L5 name the
figures.
"""
