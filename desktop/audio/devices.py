"""Sound devices through PortAudio. The recorder (part 4) lives beside this; now only the library is checked."""

from __future__ import annotations


def portaudio_version() -> str:
    """The version text of the PortAudio library. OSError when it is not on this computer."""
    import sounddevice  # raises OSError, not ImportError, without the library

    return str(sounddevice.get_portaudio_version()[1])
