"""Who is at fault, and what the caller may do about it.

Four errors cross module borders. Each says who is at fault, because that decides what happens next:

* ``Refused``  the rules say no. It carries a stable code (domain rule) and facts; a person sees them.
* ``NotFound`` nothing of that name *for this person*: "not yours" and "not there" are one answer.
* ``Conflict`` somebody else was first; read again and retry.
* ``Tampered`` stored evidence does not verify: stop, alarm, never repair.

``Busy`` is back-pressure: the thing may succeed later, and says when to try. A caller's own bug is a
``RuntimeError`` or a failed ``assert``, never one of these.

>>> str(Refused("PROCTOR_ABSENT", exam="e-1"))
'PROCTOR_ABSENT: No invigilator is present for this exam (exam=e-1)'
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

Fact = str | int | float | bool | None

#: Every refusal code with the sentence a person reads. Codes are stable: people script against them.
SENTENCES: Final = MappingProxyType(
    {
        # who acts
        "NOT_SIGNED_IN": "Please sign in first",
        "WRONG_CREDENTIALS": "That name, code or password is not right",
        "TOO_MANY_TRIES": "Too many tries; wait before the next one",
        "TICKET_USED": "This ticket has been used before or has expired; reload the page",
        "STEP_UP_NEEDED": "This act asks for your password again",
        "ROLE_MISSING": "You do not hold the role this act needs",
        "ROLE_INACTIVE": "The role is not active for this person",
        "COMMITMENT_EXPIRED": "The signed commitment to rules and confidentiality is missing or out of date",
        "COMPETENCE_EXPIRED": "The evidence of competence for this role is missing or out of date",
        "NOT_OWN_PERSONNEL": "Certification decisions are made by the body's own personnel only",
        "NOT_A_PERSON": "Only a named person may do this, never a program or an operator account",
        "PERSON_KNOWN": "This person is already registered; add the account to that person instead",
        # separation of duties (ISO/IEC 17024 clauses 5.2.3, 6.2, 9.4.4)
        "SOD_SELF": "Nobody acts on an own application, sitting or certificate",
        "SOD_PARTICIPATED": "Whoever took part in this candidate's training or examination cannot decide on it",
        "SOD_TRAINED_2Y": "An examiner may not examine a person they trained in the last two years",
        "SOD_TRAINING_UNDECLARED": "Training relations to this candidate have not been declared",
        "SOD_RELATION": "A declared relation to this candidate stands against this act",
        "SOD_ITEM_AUTHOR": "Whoever wrote a version of an item may not review or approve it",
        "SOD_ITEM_EXPOSED": "Whoever has seen live items of this scheme cannot sit it",
        "SOD_SECOND_PERSON": "This act needs two different people",
        # the scheme, the exam day, the sitting
        "SCHEME_INCOMPLETE": "The certification scheme version is incomplete",
        "SCHEME_NOT_ACTIVE": "The certification scheme version is not active",
        "NOT_ELIGIBLE": "This candidate is not eligible for this exam",
        "EXAM_NOT_OPEN": "The exam day is not open",
        "OUTSIDE_WINDOW": "This is outside the exam's window",
        "SEATS_TAKEN": "All seats of this exam are taken",
        "ALREADY_BOOKED": "This candidate already has a sitting in this exam",
        "ID_UNVERIFIED": "The candidate's identity has not been verified",
        "STILL_TOO_SMALL": "The identity picture is smaller than 1280 by 960 pixels",
        "AGREEMENT_UNSIGNED": "A required text has not been signed for this sitting",
        "READ_FIRST": "Please read the text; it can be signed in a moment",
        "AGREEMENT_CHANGED": "The text to sign has changed; read the current version",
        "USE_AGREEMENT_UNSIGNED": "The agreement on the use of certificates has not been signed",
        "PROCTOR_ABSENT": "No invigilator is present for this exam",
        "RATIO_EXCEEDED": "The invigilator already watches as many candidates as the policy allows",
        "ABSENT": "The candidate has not been marked as present in the room",
        "STATION_TAKEN": "Another candidate sits at this station",
        "ENV_INCOMPLETE": "The check-in list for this sitting is not complete",
        "FORM_NOT_RELEASED": "No released form is assigned to this sitting",
        "FORM_INCOMPLETE": "The form does not hold everything its blueprint asks for; nobody may sit it",
        "BLUEPRINT_INFEASIBLE": "The item bank cannot meet this blueprint",
        "SELFTEST_FAILED": "The scoring self-test failed; no exam may start",
        "EXAM_BROWSER_NEEDED": "This exam is taken in Safe Exam Browser, started with the file of this exam",
        "NOT_NOW": "The sitting's state does not allow this now",
        "TERMINAL_STATE": "This is closed and cannot be changed; a correction is a new record",
        "TIME_OVER": "The time of this sitting is over",
        "ITEM_LOCKED": "This question is closed and cannot be opened or answered again",
        "NO_ATTEMPT": "No attempt at this question can be ended now; what you answered is saved",
        "FORWARD_ONLY": "In this part the questions come one after the other; only the next one can be opened",
        "ANSWER_FIRST": "This question has to be answered before going on",
        "TOO_SOON": "This question is stayed at for a set time; it can be left in a moment",
        "LEAVING_LOCKS": "Leaving this part closes it for good; that has to be confirmed",
        "NO_BREAK": "No break can be taken now",
        "ITEM_NOT_ON_FORM": "This item is not on the candidate's form",
        "RESPONSE_INVALID": "The response does not fit the question",
        "SEQUENCE_REUSED": "This row's number was used before with other content; both are kept",
        "SEQUENCE_GAP": "Rows before this one are missing; send them first",
        "SUPERSEDED": "Another window or device has taken over this sitting; this one is read-only",
        "UNSENT_ANSWERS": "Some answers have not reached the server yet",
        "UPLOAD_OFFSET": "The file goes on at another place; ask where, and send the rest from there",
        "UPLOAD_KIND": "This kind of file is not taken here",
        "UPLOAD_DAMAGED": "What arrived is not the file that was announced; send it again",
        "UPLOAD_LIMIT": "This sitting has no room for more files",
        # result, decision, certificate
        "SCREEN_PENDING": "The result has not been screened yet",
        "INCIDENT_OPEN": "An incident of this sitting has not been looked at by a person",
        "DOSSIER_INCOMPLETE": "The dossier lacks a required part",
        "DOSSIER_CHANGED": "The dossier has changed since it was opened; read it again",
        "ALREADY_VOTED": "This person has voted on this dossier",
        "QUORUM": "There are not enough votes",
        "INTEREST_MAJORITY": "One interest group has a majority of those present",
        "REASON_NOT_IN_SCHEME": "The reason is not one that the scheme provides",
        "REQUIREMENTS_UNMET": "Certification is granted only when every requirement is met",
        # the item bank
        "VAULT_LOCKED": "The questions of this exam are locked; enough holders of key shares must open them",
        "ITEM_INVALID": "The item does not meet the bank's requirements",
        "ITEM_UNSUPPORTED": "The item uses a construct this bank refuses",
        "PACKAGE_INVALID": "The package cannot be read",
        # input, storage, confidentiality
        "INPUT_INVALID": "The input is malformed",
        "INPUT_TOO_LARGE": "The input is larger than allowed",
        "STALE_VERSION": "This was changed by somebody else; read it again",
        "DISCLOSURE_NO_BASIS": "There is no recorded basis for this disclosure",
        "RETENTION_FLOOR": "This record must still be kept",
        "RETENTION_CEILING": "This record must not be kept any longer",
        "LOG_UNAVAILABLE": "The journal cannot be written; nothing is accepted until it can",
        "STORAGE_FULL": "The server has no room for files now; answers that are no files are saved as before",
        "DATA_FOLDER_LOCKED": "Another process holds this data folder",
        "KEY_MISSING": "A key of this installation is missing",
        "DATABASE_OUTDATED": "The database is not at the revision of this program",
        "COMPILER_MISSING": "This needs a C compiler that works (on Debian or Ubuntu: apt-get install gcc libc6-dev)",
        "PLATFORM_UNFIT": "This works on another operating system only",
    }
)


class InvigilError(Exception):
    """The root of what this project raises on purpose."""


class Refused(InvigilError):
    """The rules say no.

    ``code`` is a key of `SENTENCES`; ``facts`` are shown to the person and logged, so they hold
    identifiers and numbers, never item text, keys or personal data.
    """

    def __init__(self, code: str, /, **facts: Fact) -> None:
        if code not in SENTENCES:
            raise RuntimeError(f"unknown refusal code {code!r}")
        super().__init__(code)
        self.code = code
        self.facts = facts

    @property
    def sentence(self) -> str:
        return SENTENCES[self.code]

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code}: {self.sentence}" + (f" ({told})" if told else "")


class NotFound(InvigilError):
    """Nothing of that kind and name for this person."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"no {what} {name!r}")
        self.what = what
        self.name = name


class Conflict(InvigilError):
    """The stream moved on since it was read: read it again and decide again."""


class Tampered(InvigilError):
    """Stored evidence does not verify. ``where`` names the first bad row."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class Busy(InvigilError):
    """Too much at once; nothing was accepted. Try again after ``retry_after_ms``."""

    def __init__(self, what: str, retry_after_ms: int) -> None:
        super().__init__(f"{what} is busy; retry after {retry_after_ms} ms")
        self.what = what
        self.retry_after_ms = retry_after_ms
