"""Long runs against the stand-in service: hundreds of jobs under faults, a hundred kills, stops in every state.

Started by `python3 packaging/dev.py soak`; reliability.md N2, N3, N4 and N6 name the figures.
"""
