"""An item and its parts: declarations, interactions, feedback, rubrics, catalogs, companion materials, stimuli.

How the lines are read is told in `grammar`.

Source: QTI 3.0 Assessment, Section and Item Information Model: items, stimuli, interactions, declarations.
"""

from __future__ import annotations

from typing import Final

_BASE_TYPE: Final = "boolean|directedPair|duration|file|float|identifier|integer|pair|point|string|uri"
_CARDINALITY: Final = "single|multiple|ordered|record"
_SHAPE: Final = "shape!:circle|default|ellipse|poly|rect coords:coords"
_SHOWN: Final = "template-identifier:identifier show-hide:show|hide"
_MATCHED: Final = "match-group:identifiers match-max:count match-min:count"
_ASKED: Final = "@content response-identifier!:identifier"
_MESSAGES: Final = "data-min-selections-message data-max-selections-message"
_VARIABLE: Final = f"identifier!:identifier cardinality!:{_CARDINALITY} base-type:{_BASE_TYPE}"
_SCORES: Final = (
    "view:views interpretation long-interpretation:uri normal-maximum:float normal-minimum:float mastery-value:float "
    "external-scored:human|externalMachine variable-identifier-ref:identifier"
)
_FEEDBACK: Final = "outcome-identifier!:identifier identifier!:identifier show-hide!:show|hide"
_SHEET: Final = "@content href!:uri type! media title"
_PICTURE: Final = "img|object|picture"

LINES: Final = (
    # the item
    "qti-assessment-item = qti-context-declaration* qti-response-declaration* qti-outcome-declaration* "
    "qti-template-declaration* qti-template-processing? qti-assessment-stimulus-ref* qti-companion-materials-info? "
    "qti-stylesheet* qti-item-body? qti-catalog-info? qti-response-processing? qti-modal-feedback* "
    ": @content identifier!:identifier title! label adaptive:boolean time-dependent!:boolean tool-name tool-version",
    "qti-assessment-stimulus = qti-stylesheet* qti-stimulus-body qti-catalog-info? "
    ": @content identifier!:identifier title! label tool-name tool-version",
    "qti-stimulus-body = FLOW : @content",
    "qti-assessment-stimulus-ref = : @content identifier!:identifier href!:uri title",
    f"qti-stylesheet = : {_SHEET}",
    "qti-item-body = FLOW : @content",
    # declarations
    f"qti-context-declaration = qti-default-value? : {_VARIABLE}",
    f"qti-response-declaration = qti-default-value? qti-correct-response? qti-mapping? qti-area-mapping? : {_VARIABLE}",
    f"qti-outcome-declaration = qti-default-value? qti-match-table? qti-interpolation-table? : {_VARIABLE} {_SCORES}",
    f"qti-template-declaration = qti-default-value? : {_VARIABLE} param-variable:boolean math-variable:boolean",
    "qti-default-value = qti-value+ : interpretation",
    "qti-correct-response = qti-value+ : interpretation",
    f"qti-value = TEXT : field-identifier:identifier base-type:{_BASE_TYPE}",
    "qti-mapping = qti-map-entry+ : lower-bound:float upper-bound:float default-value:float",
    "qti-map-entry = : map-key! mapped-value!:float case-sensitive:boolean",
    "qti-area-mapping = qti-area-map-entry+ : lower-bound:float upper-bound:float default-value:float",
    f"qti-area-map-entry = : {_SHAPE} mapped-value!:float",
    "qti-match-table = qti-match-table-entry+ : default-value",
    "qti-match-table-entry = : source-value!:integer target-value!",
    "qti-interpolation-table = qti-interpolation-table-entry+ : default-value",
    "qti-interpolation-table-entry = : source-value!:float target-value! include-boundary:boolean",
    # feedback, rubrics, templates in content
    f"qti-feedback-inline = INLINE : @content {_FEEDBACK}",
    f"qti-feedback-block = qti-stylesheet* qti-content-body? qti-catalog-info? FLOW : @content {_FEEDBACK}",
    f"qti-modal-feedback = qti-stylesheet* qti-content-body? qti-catalog-info? FLOW : @content {_FEEDBACK} title",
    "qti-rubric-block = qti-stylesheet* qti-content-body? qti-catalog-info? FLOW : @content use view!:views",
    "qti-content-body = FLOW : @content",
    "qti-template-inline = INLINE "
    ": @content template-identifier!:identifier identifier!:identifier show-hide!:show|hide",
    "qti-template-block = qti-stylesheet* qti-content-body? qti-catalog-info? FLOW "
    ": @content template-identifier!:identifier identifier!:identifier show-hide!:show|hide",
    "qti-printed-variable = : @content identifier!:identifier format power-form:boolean base:integer-or-variable "
    "index:integer-or-variable delimiter field mapping-indicator",
    # interactions with choices
    "qti-prompt = FLOW : @content",
    f"qti-choice-interaction = qti-prompt? qti-simple-choice+ : {_ASKED} {_MESSAGES} shuffle:boolean "
    "max-choices:count min-choices:count orientation:horizontal|vertical",
    f"qti-order-interaction = qti-prompt? qti-simple-choice+ : {_ASKED} {_MESSAGES} shuffle:boolean "
    "max-choices:count min-choices:count orientation:horizontal|vertical",
    f"qti-simple-choice = FLOW : @content identifier!:identifier fixed:boolean {_SHOWN}",
    f"qti-associate-interaction = qti-prompt? qti-simple-associable-choice+ : {_ASKED} {_MESSAGES} shuffle:boolean "
    "max-associations:count min-associations:count",
    f"qti-match-interaction = qti-prompt? 2*qti-simple-match-set : {_ASKED} {_MESSAGES} shuffle:boolean "
    "max-associations:count min-associations:count",
    "qti-simple-match-set = qti-simple-associable-choice* : @content",
    f"qti-simple-associable-choice = FLOW : @content identifier!:identifier fixed:boolean {_SHOWN} {_MATCHED}",
    f"qti-gap-match-interaction = qti-prompt? qti-gap-text|qti-gap-img+ FLOW : {_ASKED} {_MESSAGES} shuffle:boolean "
    "max-associations:count min-associations:count",
    f"qti-gap-text = INLINE : @content identifier!:identifier fixed:boolean {_SHOWN} {_MATCHED}",
    f"qti-gap-img = {_PICTURE} : @content identifier!:identifier fixed:boolean {_SHOWN} {_MATCHED} "
    "object-label top left",
    f"qti-gap = : @content identifier!:identifier required:boolean fixed:boolean {_SHOWN} match-group:identifiers",
    f"qti-inline-choice-interaction = qti-inline-choice+ : {_ASKED} shuffle:boolean required:boolean "
    "min-choices:count data-prompt",
    f"qti-inline-choice = INLINE : @content identifier!:identifier fixed:boolean {_SHOWN}",
    f"qti-hottext-interaction = qti-prompt? FLOW : {_ASKED} {_MESSAGES} max-choices:count min-choices:count",
    f"qti-hottext = INLINE : @content identifier!:identifier {_SHOWN}",
    # interactions with text, files and media
    f"qti-text-entry-interaction = : {_ASKED} base:integer-or-variable string-identifier:identifier "
    "expected-length:count pattern-mask placeholder-text format data-patternmask-message",
    f"qti-extended-text-interaction = qti-prompt? : {_ASKED} base:integer-or-variable string-identifier:identifier "
    "expected-length:count pattern-mask placeholder-text max-strings:count min-strings:count expected-lines:count "
    "format:plain|preformatted|xhtml data-patternmask-message",
    f"qti-end-attempt-interaction = : {_ASKED} title! count-attempt:boolean",
    f"qti-upload-interaction = qti-prompt? : {_ASKED} type max-files:count min-files:count",
    f"qti-drawing-interaction = qti-prompt? {_PICTURE} : {_ASKED}",
    f"qti-media-interaction = qti-prompt? audio|img|object|picture|video : {_ASKED} autostart!:boolean "
    "min-plays:count max-plays:count loop:boolean coords:coords",
    f"qti-slider-interaction = qti-prompt? : {_ASKED} lower-bound!:float upper-bound!:float step:float "
    "step-label:boolean orientation:horizontal|vertical reverse:boolean",
    # interactions on pictures
    f"qti-hotspot-interaction = qti-prompt? {_PICTURE} qti-hotspot-choice+ : {_ASKED} {_MESSAGES} "
    "max-choices:count min-choices:count",
    f"qti-hotspot-choice = : @content identifier!:identifier {_SHOWN} {_SHAPE} hotspot-label",
    f"qti-graphic-order-interaction = qti-prompt? {_PICTURE} qti-hotspot-choice+ : {_ASKED} {_MESSAGES} "
    "max-choices:count min-choices:count",
    f"qti-graphic-associate-interaction = qti-prompt? {_PICTURE} qti-associable-hotspot+ : {_ASKED} {_MESSAGES} "
    "max-associations:count min-associations:count",
    f"qti-graphic-gap-match-interaction = qti-prompt? {_PICTURE} qti-gap-text|qti-gap-img+ qti-associable-hotspot+ "
    f": {_ASKED} {_MESSAGES} max-associations:count min-associations:count",
    f"qti-associable-hotspot = : @content identifier!:identifier {_SHOWN} {_MATCHED} {_SHAPE} hotspot-label",
    f"qti-select-point-interaction = qti-prompt? {_PICTURE} : {_ASKED} {_MESSAGES} max-choices:count min-choices:count",
    f"qti-position-object-stage = {_PICTURE} qti-position-object-interaction+ : @content",
    f"qti-position-object-interaction = {_PICTURE} : {_ASKED} {_MESSAGES} center-point object-label "
    "max-choices:count min-choices:count",
    # accommodations and companion materials
    "qti-catalog-info = qti-catalog+ : @content",
    "qti-catalog = qti-card+ : @content id!:id",
    "qti-card = qti-html-content? qti-file-href* qti-card-entry* : @content support!",
    "qti-card-entry = qti-html-content? qti-file-href* : @content default:boolean",
    "qti-html-content = FLOW : @content",
    "qti-file-href = TEXT : @content mime-type:mime",
    "qti-companion-materials-info = qti-calculator* qti-rule* qti-protractor* qti-digital-material* "
    "qti-physical-material* : @content",
    "qti-calculator = qti-calculator-type qti-description qti-calculator-info? : @content",
    "qti-calculator-type = TEXT : @content",
    "qti-calculator-info = qti-file-href qti-resource-icon? : @content mime-type:mime label",
    "qti-description = TEXT : @content",
    "qti-resource-icon = TEXT : @content mime-type:mime",
    "qti-rule = qti-description qti-rule-system-si? qti-rule-system-us? : @content",
    "qti-rule-system-si = qti-minimum-length qti-minor-increment? qti-major-increment : @content",
    "qti-rule-system-us = qti-minimum-length qti-minor-increment? qti-major-increment : @content",
    "qti-minimum-length = TEXT : @content",
    "qti-minor-increment = TEXT : @content unit",
    "qti-major-increment = TEXT : @content unit",
    "qti-protractor = qti-description qti-increment-si? qti-increment-us? : @content",
    "qti-increment-si = qti-minor-increment? qti-major-increment : @content",
    "qti-increment-us = qti-minor-increment? qti-major-increment : @content",
    "qti-digital-material = qti-file-href qti-resource-icon? : @content mime-type:mime label",
    "qti-physical-material = TEXT : @content",
)
