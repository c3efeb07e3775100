"""Sound: decoding in a child process, waveform peaks, playback copies and clips. Frames live here, seconds outside."""
