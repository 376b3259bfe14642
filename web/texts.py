"""The texts a candidate signs, in versions, and what the invigilator looks at.

A text is signed by its digest: who signed what can be shown years later, and a changed text has to be
signed anew. They are the demo body's own words; a body replaces them with its own through counsel.

Clauses: ISO/IEC 17024:2012 7.4.3 a (non-disclosure), 9.7.2 (use of certificates), 9.1.1 (being told).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from markupsafe import Markup, escape

from engine.admission import environment_of
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class Text:
    """One text to sign. ``paragraphs`` are plain; the page shows them one below the other."""

    title: str
    version: str
    paragraphs: tuple[str, ...]

    @property
    def html(self) -> Markup:
        return Markup("").join(Markup("<p>{}</p>").format(escape(paragraph)) for paragraph in self.paragraphs)


TEXTS: dict[str, Text] = {
    "non-disclosure": Text(
        "Confidentiality of the questions",
        "2026-1",
        (
            "The questions of this exam are confidential. I will not copy, record, photograph or repeat them, in whole "
            "or in part, during the exam or afterwards, and I will not ask anybody to do so.",
            "I will answer alone. I will use no aid, device or person that is not on the list of permitted aids.",
            "I know that breaking this promise may lead to my exam being looked into, and that I will be heard before "
            "anything is decided.",
        ),
    ),
    "recording": Text(
        "Pictures from my camera",
        "2026-1",
        (
            "While I check in and while the exam runs, small pictures from my camera are sent to the exam server about "
            "once a second, and an invigilator can see them live. No sound is sent.",
            "Pictures are kept only around something a person should look at. They are encrypted, and they are deleted "
            "when the time for appeals and 30 days more have passed, or earlier when the rules of the scheme say so.",
            "The picture of my identity document is seen by the person who checks it and is not kept afterwards.",
        ),
    ),
    "automated-detection": Text(
        "Automatic checks of the picture",
        "2026-2",
        (
            "Software looks at the pictures for plain facts: no picture, a covered or dark camera, a picture that "
            "does not move, no face, several faces. It does not guess feelings or intentions, does not recognise who "
            "I am, and it gives no score of suspicion.",
            "What it notices is shown to a person. Software can neither end my exam nor change my result. I may see "
            "what was noted about me, comment on it and appeal.",
            "I need not take the exam with these checks: until it starts I can choose, without a reason, to be watched "
            "by a person only. It is the same exam with the same invigilator, and nothing else changes.",
        ),
    ),
    "use-of-certificate": Text(
        "Use of the certificate",
        "2026-1",
        (
            "If I am certified, I will use the certificate only for what it covers, while it is valid, and in no way "
            "that misleads people or brings the body into disrepute.",
            "The certificate remains the body's property. If it is suspended or withdrawn, I stop using it and any "
            "reference to it.",
            "I will tell the body without delay about anything that affects my ability to go on meeting its "
            "requirements.",
        ),
    ),
}

ENVIRONMENT_SENTENCES = {
    "room-alone": "You are alone in the room and the door is closed.",
    "desk-clear": "Your desk is clear: no papers, phones, watches or other screens.",
    "aids-permitted-only": "Only permitted aids are within reach.",
    "device-checked": "Camera and connection work, and nothing else is open on this device.",
}


#: The same for an exam in a room of the institute, without a camera.
IN_ROOM_SENTENCES = {
    "desk-clear": "The station's desk is clear: no papers, phones or watches; bags are put away.",
    "aids-permitted-only": "Only permitted aids are within reach.",
    "device-checked": "The station works, and nothing else is open on it.",
}


def environment(policy: Policy) -> list[tuple[str, str]]:
    """What is looked at before the start, name and sentence, in order."""
    sentences = IN_ROOM_SENTENCES if policy.in_room else ENVIRONMENT_SENTENCES
    return [(name, sentences[name]) for name in environment_of(policy)]


def text_digest(name: str) -> str:
    """SHA-256 (hex) over title, version and paragraphs: what a signature is for."""
    text = TEXTS[name]
    return hashlib.sha256("\n".join((text.title, text.version, *text.paragraphs)).encode()).hexdigest()
