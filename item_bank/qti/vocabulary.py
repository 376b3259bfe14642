"""Which markup reaches a candidate's browser, said once: import refuses by it, the page is written by it.

The list is closed. What is not here is refused at import with its name and a reason, so that nothing an
author wrote can vanish on the way to the candidate, and nothing can reach a browser that was not thought of.

* ``BLOCKS`` and ``PHRASING`` are the XHTML elements.
* ``MATH`` is presentation MathML as browsers draw it (MathML Core); names carry the prefix ``m:``.
* Of the attributes only those reach the browser that `is_shown` names; the others stay in the canonical item.
* ``REASONS`` says why a known construct is refused; all else is "not known".

>>> refusal_reason("script")
'scripts never run in a secure exam'
>>> is_shown("p", "class"), is_shown("p", "data-catalog-idref")
(True, False)

Sources: QTI 3.0 Assessment, Section and Item Information Model (HTML5 content); MathML Core; WAI-ARIA 1.2.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


BLOCKS: Final = _words(
    "address article aside blockquote caption col colgroup dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 "
    "header hr li ol p pre section table tbody td tfoot th thead tr ul"
)
PHRASING: Final = _words(
    "abbr b bdi bdo br cite code del dfn em i ins kbd q rb rp rt ruby s samp small span strong sub sup u var"
)
VOID: Final = frozenset({"br", "hr", "col"})

MATH: Final = _words(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle mpadded msub msup msubsup munder mover munderover "
    "mmultiscripts mprescripts none mtable mtr mtd"
)
MATH_ATTRIBUTES: Final = _words(
    "display alttext mathvariant displaystyle scriptlevel overflow stretchy symmetric form fence separator accent "
    "accentunder largeop movablelimits minsize maxsize lspace rspace linethickness width height depth voffset "
    "columnspan rowspan columnalign rowalign columnlines rowlines frame columnspacing rowspacing"
)

#: Attributes that any element may show.
GLOBAL: Final = _words(
    "id class dir lang title role aria-label aria-labelledby aria-describedby aria-hidden aria-level"
)
_OWN: Final = MappingProxyType(
    {
        "ol": frozenset({"start", "type", "reversed"}),
        "li": frozenset({"value"}),
        "td": frozenset({"colspan", "rowspan", "headers"}),
        "th": frozenset({"colspan", "rowspan", "headers", "scope", "abbr"}),
        "col": frozenset({"span"}),
        "colgroup": frozenset({"span"}),
    }
)
#: Attributes whose value names other elements by their ``id``.
REFERENCES: Final = frozenset({"aria-labelledby", "aria-describedby", "headers", "data-catalog-idref"})
#: Roles that only say what a static element is. Others would promise behaviour that is not there.
ROLES: Final = _words("math img note group list listitem presentation none region heading text")

_LAYOUT: Final = re.compile(r"qti-[a-z0-9-]+\Z")

REASONS: Final = MappingProxyType(
    {
        "qti-portable-custom-interaction": "foreign script never runs in a secure exam",
        "qti-custom-interaction": "foreign script never runs in a secure exam",
        "iframe": "embedded pages would lead out of the exam",
        "include": "included documents are never fetched",
        "script": "scripts never run in a secure exam",
        "style": "style sheets of items are not applied; use classes of the shared vocabulary",
        "form": "form controls come from interactions only",
        "input": "form controls come from interactions only",
    }
)


def refusal_reason(name: str) -> str:
    """Why an element of this name cannot be shown."""
    return REASONS.get(name, "this element is not known to the bank, and leaving it out would lose content")


def is_shown(name: str, attribute: str) -> bool:
    """Whether this attribute of this element reaches the browser."""
    if name.startswith("m:"):
        return attribute in MATH_ATTRIBUTES or attribute in GLOBAL
    return attribute in GLOBAL or attribute in own_attributes(name)


def own_attributes(name: str) -> frozenset[str]:
    """The attributes that only this element has."""
    return _OWN.get(name, frozenset())


def is_vocabulary_class(name: str) -> bool:
    """Whether this class is of the shared vocabulary. Others are an author's own and never reach a page."""
    return _LAYOUT.match(name) is not None
