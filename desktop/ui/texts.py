"""Long texts of the window: what leaves this computer, and what Pullquote does and does not protect against."""

from __future__ import annotations

from desktop.sentences import QT_TRANSLATE_NOOP

PRIVACY_TEXT = QT_TRANSLATE_NOOP("privacy", """\
WHAT STAYS HERE
Recording, library, playback, on-device transcription and export work without any network. Pullquote makes no \
connection of any kind until you ask for one (with one exception, below): no update check, no statistics, no crash \
reports.

WHAT LEAVES, AND WHEN
Only when you start it:
A transcript with Gemini sends the sound of the range you chose, as 16 kHz mono, in parts, with a request to \
transcribe it; when parts are heard one at a time, also the speaker labels used so far and the last lines of the \
part before; and the names and terms of the recording's project. With the model made for \
transcripts the words that came back are then sent to a general model for language, translation and summary, and \
short clips of voices where it has to be found out who is who.
A question sends the words of the transcript with the names you gave the speakers; with a range, the sound of it \
as well; without a transcript, the sound. A translation sends the words and those names. "Count exactly" sends the \
sound. For a video on YouTube only its address is sent.
Your house style goes along with them. Storing or testing a key sends the key alone. The file's name, its \
tags, your notes and the title never leave.

YOU DECIDE FOR EACH RECORDING
The Details tab says "never upload", "ask each time" or "may be sent"; "never" holds everywhere, also on the \
command line. Below it stands every request that was made: when, what part, how big, to which model, what it cost.

WHERE TO
To generativelanguage.googleapis.com (Google's Gemini API), with your own key, encrypted on the way. If this \
computer uses a proxy, through that proxy.

FREE OR PAID: THIS MATTERS FOR YOUR SOURCES
With an unpaid key Google may use what you send to improve its products, and people may read or hear it. Google \
itself asks not to send confidential or personal material that way.
With a paid key (billing is on for its project) what you send is not used to improve products; it is kept for a \
limited time to find abuse (55 days was stated in 2026).
In the European Economic Area, Switzerland and the United Kingdom programs like this one are to be used with \
paid keys. Pullquote cannot see which kind of key you have. Read the terms that hold for you: \
ai.google.dev/gemini-api/terms

HOW LONG IT STAYS
Pullquote sends up to 14 MB of audio inside the request and asks the service not to store it (store=false), so there \
is no file to delete afterwards. Longer sound is uploaded as a file under a random name. It is removed right after \
use, or, after a question, when you leave the recording or quit. What could not be removed then is tried again at \
the next start; that is the only connection made without a click, and only when the list in the Details tab says \
"stored". The service removes files after 48 hours in any case. What Google logs for abuse detection is \
under Google's terms.

PULLQUOTE PROTECTS AGAINST
losing a recording through a crash or a lost network; damaged or malicious audio files (they are read in a \
separate process); text in transcripts that pretends to be something else; the key lying around in files or \
logs.

PULLQUOTE DOES NOT PROTECT AGAINST
a computer that somebody else controls; somebody with your disk (switch on full-disk encryption); Google as a \
recipient, or legal demands to it; other microphones in the room; a wrong transcript that nobody checked by \
listening.
""")
