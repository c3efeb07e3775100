"""What a file may claim; checked by the decoder child and again by its parent (reliability.md E4)."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000  # Hz
MOST_CHANNELS = 8
LONGEST_SECONDS = 24 * 3600  # counted, not claimed
HIGHEST_COPY_RATE = 48_000  # Hz of the playback copy
