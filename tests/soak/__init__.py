"""Long runs against the stand-in service: hundreds of jobs under faults, a hundred kills, stops in every state.

And recorders that are killed, starved and lied to. Started by `python3 packaging/dev.py soak`; reliability.md N2, N3,
N4, N6 and R1 to R10 name the figures.
"""
