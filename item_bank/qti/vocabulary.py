"""Which markup an item may hold, said once: the reader refuses by it, the renderer allows by it.

The list is closed. What is not here is refused at import with its name and a reason, so that nothing an
author wrote can vanish on the way to the candidate, and nothing can reach a browser that was not thought of.

* ``BLOCKS`` and ``PHRASING`` are the XHTML elements; a block never stands inside a phrasing-only parent,
  because an HTML parser would silently move it.
* ``MATH`` is presentation MathML as browsers draw it (MathML Core); names carry the prefix ``m:``.
* ``SHOWN`` attributes reach the browser, ``KEPT`` ones stay in the canonical item only.
* ``REASONS`` says why a known QTI or XHTML construct is refused; all else is "not known".

>>> refusal_reason("qti-order-interaction")
'only choice interactions are taken so far'
>>> is_shown("p", "class"), is_shown("p", "data-catalog-idref"), is_kept("data-catalog-idref")
(True, False, True)

Sources: QTI 3.0 Assessment, Section and Item Information Model (HTML5 content); MathML Core; WAI-ARIA 1.2.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


#: Blocks whose children may be anything.
FLOW: Final = _words("address article aside blockquote dd div figure figcaption footer header li section td th")
#: Blocks that hold only certain blocks, and the ones they hold.
STRUCTURED: Final = MappingProxyType(
    {
        "ul": frozenset({"li"}),
        "ol": frozenset({"li"}),
        "dl": frozenset({"dt", "dd"}),
        "table": frozenset({"caption", "colgroup", "thead", "tbody", "tfoot"}),
        "thead": frozenset({"tr"}),
        "tbody": frozenset({"tr"}),
        "tfoot": frozenset({"tr"}),
        "tr": frozenset({"td", "th"}),
        "colgroup": frozenset({"col"}),
    }
)
#: Blocks whose children are text and phrasing.
HEADINGS: Final = _words("p h1 h2 h3 h4 h5 h6 pre dt caption")
PHRASING: Final = _words(
    "abbr b bdi bdo br cite code del dfn em i ins kbd q rb rp rt ruby s samp small span strong sub sup u var"
)
VOID: Final = frozenset({"br", "hr", "col"})
#: Elements that stand only inside the parent that lists them.
BOUND: Final = frozenset().union(*STRUCTURED.values()) | {"figcaption", "rb", "rp", "rt"}
BLOCKS: Final = FLOW | HEADINGS | frozenset(STRUCTURED) | {"hr", "col"}

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

_KEPT: Final = re.compile(r"data-[a-z][a-z0-9._-]*\Z")
_LAYOUT: Final = re.compile(r"qti-[a-z0-9-]+\Z")

_INTERACTION = "only choice interactions are taken so far"
_MEDIA = "pictures, sound and film are not stored by this bank yet"
_FEEDBACK = "feedback would tell the candidate about the answer"
_TEMPLATE = "template processing (cloned items) is not supported yet"
_LINK = "links and embedded pages would lead out of the exam"
_STYLE = "style sheets of items are not applied, so the layout would be lost"

REASONS: Final = MappingProxyType(
    {
        "qti-portable-custom-interaction": "foreign script never runs in a secure exam",
        "qti-custom-interaction": "foreign script never runs in a secure exam",
        "qti-assessment-stimulus-ref": "shared stimuli are not supported yet, and the item is incomplete without",
        "qti-template-declaration": _TEMPLATE,
        "qti-template-processing": _TEMPLATE,
        "qti-template-block": _TEMPLATE,
        "qti-template-inline": _TEMPLATE,
        "qti-printed-variable": "printed variables are not supported yet",
        "qti-feedback-block": _FEEDBACK,
        "qti-feedback-inline": _FEEDBACK,
        "qti-modal-feedback": _FEEDBACK,
        "qti-stylesheet": _STYLE,
        "style": _STYLE,
        "qti-context-declaration": "context variables are not supported yet",
        "qti-companion-materials-info": "companion materials are not supported yet",
        "qti-area-mapping": "area mappings belong to point interactions, which are not taken so far",
        "qti-match-table": "lookup tables are not supported yet",
        "qti-interpolation-table": "lookup tables are not supported yet",
        "qti-file-href": "files of catalogs are not stored by this bank yet",
        "img": _MEDIA,
        "picture": _MEDIA,
        "source": _MEDIA,
        "audio": _MEDIA,
        "video": _MEDIA,
        "track": _MEDIA,
        "object": _MEDIA,
        "svg": _MEDIA,
        "a": _LINK,
        "iframe": _LINK,
        "include": "included documents are never fetched",
        "script": "scripts never run in a secure exam",
        "form": "form controls come from interactions only",
        "input": "form controls come from interactions only",
        "semantics": "annotated formulas would lose their annotation; keep the presentation part only",
    }
)


def refusal_reason(name: str) -> str:
    """Why an element of this name cannot be taken."""
    if name in REASONS:
        return REASONS[name]
    if name.endswith("-interaction"):
        return _INTERACTION
    return "this element is not known to the bank, and leaving it out would lose content"


def is_shown(name: str, attribute: str) -> bool:
    """Whether this attribute of this element reaches the browser."""
    if name.startswith("m:"):
        return attribute in MATH_ATTRIBUTES or attribute in GLOBAL
    return attribute in GLOBAL or attribute in own_attributes(name)


def own_attributes(name: str) -> frozenset[str]:
    """The attributes that only this element has."""
    return _OWN.get(name, frozenset())


def is_kept(attribute: str) -> bool:
    """Whether this attribute stays in the canonical item without being shown."""
    return _KEPT.match(attribute) is not None


def is_vocabulary_class(name: str) -> bool:
    """Whether this class is of the shared vocabulary. Others are an author's own and never reach a page."""
    return _LAYOUT.match(name) is not None
