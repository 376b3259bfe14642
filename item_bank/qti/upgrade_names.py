"""Which names of QTI 2.0, 2.1 and 2.2 are which in QTI 3.0, as tables that `upgrade` works from.

QTI 3.0 writes ``simpleChoice`` as ``qti-simple-choice`` and ``maxChoices`` as ``max-choices``; XHTML names
stay what they are. Because some QTI 2 names look like XHTML (``value``, ``match``, ``gap``), the list of QTI 2
elements is closed and said here. What stands in neither list goes on unchanged, and the grammar of QTI 3.0
refuses it by name.

>>> element_name("simpleAssociableChoice"), element_name("durationGTE"), element_name("p")
('qti-simple-associable-choice', 'qti-duration-gte', 'p')
>>> attribute_name("matchMax"), attribute_name("xml:lang"), template_address("qti_v2p1/rptemplates/match_correct")
('match-max', 'xml:lang', None)

Sources: QTI 2.0, 2.1 and 2.2 information models and bindings; QTI 3.0 XML binding and its migration guidance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


#: What the root of a QTI 2 file may be called.
ROOTS: Final = frozenset({"assessmentItem", "assessmentTest", "assessmentSection", "assessmentStimulus"})
#: Loose files of rules, which a test or an item refers to.
FRAGMENTS: Final = frozenset({"responseProcessing", "outcomeProcessing"})

#: Every element of QTI 2.0 to 2.2 that is not XHTML's, MathML's or SSML's, but `infoControl`.
ELEMENTS: Final = _words(
    """
    adaptiveEngineRef adaptiveSelection adaptiveSettingsRef and anyN areaMapEntry areaMapping assessmentItem
    assessmentItemRef assessmentSection assessmentSectionRef assessmentStimulus assessmentStimulusRef assessmentTest
    associableHotspot associateInteraction baseValue branchRule choiceInteraction containerSize contains correct
    correctResponse customInteraction customOperator default defaultValue delete divide drawingInteraction durationGTE
    durationLT endAttemptInteraction equal equalRounded exitResponse exitTemplate exitTest extendedTextInteraction
    feedbackBlock feedbackInline fieldValue gap gapImg gapMatchInteraction gapText gcd graphicAssociateInteraction
    graphicGapMatchInteraction graphicOrderInteraction gt gte hotspotChoice hotspotInteraction hottext
    hottextInteraction index inlineChoice inlineChoiceInteraction inside integerDivide integerModulus integerToFloat
    interpolationTable interpolationTableEntry isNull itemBody lcm lookupOutcomeValue lt lte mapEntry mapResponse
    mapResponsePoint mapping match matchInteraction matchTable matchTableEntry mathConstant mathOperator max
    mediaInteraction member metadataRef min modalFeedback multiple not null numberCorrect numberIncorrect
    numberPresented numberResponded numberSelected or orderInteraction ordered ordering outcomeCondition
    outcomeDeclaration outcomeElse outcomeElseIf outcomeIf outcomeMaximum outcomeMinimum outcomeProcessing
    outcomeProcessingFragment patternMatch portableCustomInteraction positionObjectInteraction positionObjectStage
    power preCondition printedVariable product prompt random randomFloat randomInteger repeat responseCondition
    responseDeclaration responseElse responseElseIf responseIf responseProcessing responseProcessingFragment round
    roundTo rubricBlock selectPointInteraction selection setCorrectResponse setDefaultValue setOutcomeValue
    setTemplateValue simpleAssociableChoice simpleChoice simpleMatchSet sliderInteraction statsOperator stimulusBody
    stringMatch stylesheet substring subtract sum templateBlock templateCondition templateConstraint
    templateDeclaration templateDefault templateElse templateElseIf templateIf templateInline templateProcessing
    testFeedback testPart testVariables textEntryInteraction timeLimits truncate uploadInteraction usagedataRef value
    variable variableMapping weight itemSessionControl
    """
)

#: Elements whose content QTI 3.0 puts into a ``qti-content-body``, and what stays beside it.
WRAPPED: Final = frozenset(
    {"qti-feedback-block", "qti-modal-feedback", "qti-rubric-block", "qti-template-block", "qti-test-feedback"}
)
BESIDE: Final = frozenset({"qti-stylesheet", "qti-catalog-info"})

#: Attributes that say where schemas are: true of the file, not of the item.
HINTS: Final = frozenset({"xsi:schemaLocation", "xsi:noNamespaceSchemaLocation"})

_NAMESPACE: Final = re.compile(
    r"http://www\.imsglobal\.org/xsd/(imsqti_v2p[012]|apip/apipv1p0/qti\w+/imsqti_v2p[12])\Z"
)
_HTML5: Final = re.compile(r"\{http://www\.imsglobal\.org/xsd/imsqtiv2p2(?:p\d)?_html5_v1p0\}")
#: A namespace that never was, but stands in published examples of QTI 2.2.
_MATHML_2010: Final = "{http://www.w3.org/2010/Math/MathML}"
_APIP: Final = re.compile(r"\{http://www\.imsglobal\.org/xsd/apip/")
_BEFORE_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TEMPLATES: Final = (
    "match_correct",
    "map_response",
    "map_response_point",
    "CC2_match",
    "CC2_match_basic",
    "CC2_map_response",
)
_TEMPLATE: Final = re.compile(
    rf"https?://(?:www\.|purl\.)?(?:imsglobal|1edtech)\.org/(?:.*/)?({'|'.join(_TEMPLATES)})(?:\.xml)?\Z", re.IGNORECASE
)


def is_qti2(namespace: str) -> bool:
    """Whether this is a namespace of QTI 2.0, 2.1 or 2.2, or of APIP's profile of them."""
    return _NAMESPACE.match(namespace) is not None


@lru_cache(maxsize=4096)
def element_name(name: str) -> str:
    """The QTI 3.0 name of an element."""
    if name in ELEMENTS:
        return f"qti-{attribute_name(name)}"
    if name.startswith("{"):
        return _HTML5.sub("", name).replace(_MATHML_2010, "m:")
    return name


@lru_cache(maxsize=4096)
def attribute_name(name: str) -> str:
    """The QTI 3.0 name of an attribute of a QTI element."""
    return name if ":" in name else _BEFORE_CAPITALS.sub("-", name).lower()


def is_accommodation(name: str) -> bool:
    """Whether this is an element of APIP, which QTI 3.0 has in catalogs."""
    return _APIP.match(name) is not None


def template_address(address: str) -> str | None:
    """The address of the published QTI 3.0 template that stands for this one of QTI 2; None when there is none."""
    found = _TEMPLATE.match(address.strip())
    if found is None:
        return None
    name = next(one for one in _TEMPLATES if one.lower() == found[1].lower())
    return f"https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/{name}.xml"
