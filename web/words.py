"""The reasons people choose from, each with the sentence they read. Codes are stable; they go into the journal.

Where the engine keeps a list of its own, this one has exactly its codes (a test holds them together).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from engine.errors import Refused
from web.params import Params

DOCUMENT_CLASSES: Final = {
    "passport": "Passport",
    "identity-card": "Identity card",
    "driving-licence": "Driving licence",
    "residence-permit": "Residence permit",
}
REFER_REASONS: Final = {
    "face-unclear": "the face cannot be compared well",
    "document-unclear": "the document cannot be read well",
    "name-differs": "the name is written differently",
    "document-unknown": "this kind of document is unknown here",
}
FAIL_REASONS: Final = {
    "another-person": "The person is not the one on the document",
    "another-name": "The document names somebody else",
    "document-expired": "The document has expired",
    "document-not-accepted": "The document is not one we accept",
    "no-document": "No document was shown",
}
PAUSE_REASONS: Final = {
    "candidate-request": "The candidate asked for it",
    "technical": "Technical trouble",
    "look-closer": "I want to look closer",
    "interruption-in-room": "Something interrupted the candidate's room",
    "identity-check": "The identity has to be checked again",
}
RESUME_REASONS: Final = {
    "cause-over": "What caused the pause is over",
    "same-person": "The same person is back, checked against the identity picture",
    "technical-solved": "The technical trouble is solved",
    "break-over": "Back from the break: the same person, alone, with nothing that is not permitted",
    "nothing-found": "I looked and there is no reason to stop",
}
#: Why a whole room stops, and why it goes on. Words of their own: only what stopped together goes on together.
ROOM_PAUSE_REASONS: Final = {
    "evacuation": "A fire alarm or another evacuation",
    "disturbance-for-all": "Something disturbs everybody",
    "technical-trouble-for-all": "Technical trouble concerns everybody",
}
ROOM_RESUME_REASONS: Final = {
    "cause-over": "What stopped the room is over",
    "technical-solved": "The technical trouble is solved",
}
MINUTE_REASONS: Final = {
    "technical-trouble": "Time lost through technical trouble",
    "interruption": "Time lost through an interruption that was not the candidate's",
    "accommodation": "An accommodation that was granted",
}
END_REASONS: Final = {
    "impersonation": "Another person sits the exam",
    "unauthorised-aid": "An aid that is not permitted was used",
    "another-person-helping": "Another person helped",
    "refused-instruction": "An instruction was refused",
    "recording-items": "Questions were copied or recorded",
}
VERDICTS: Final = (
    ("dismissed", "Nothing of note happened", "Dismiss"),
    ("technical", "Technology failed", "It was technical"),
    ("confirmed", "It happened as it was noted", "Confirm"),
)


def one_of(told: Params, name: str, known: Collection[str]) -> str:
    """The chosen code. Raises: INPUT_INVALID for one that is not on the list."""
    chosen = told.text(name, 60)
    if chosen not in known:
        raise Refused("INPUT_INVALID", field=name, known=", ".join(known))
    return chosen
