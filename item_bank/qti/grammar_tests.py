"""An assessment test and its parts: test parts, sections, references, rules between them, outcome processing, feedback.

How the lines are read is told in `grammar`. What stands against a test beyond its grammar is found by
`assessment_test_faults`.

Source: QTI 3.0 Assessment, Section and Item Information Model: assessment test, test part, section, item reference.
"""

from __future__ import annotations

from typing import Final

_GATE: Final = "qti-pre-condition* qti-branch-rule* qti-item-session-control? qti-time-limits?"
_MEMBERS: Final = "qti-assessment-section* qti-assessment-section-ref* qti-assessment-item-ref*"
_RULES: Final = (
    "qti-outcome-condition* qti-outcome-processing-fragment* qti-set-outcome-value* qti-lookup-outcome-value* "
    "qti-exit-test* xi:include*"
)

LINES: Final = (
    "qti-assessment-test = qti-context-declaration* qti-outcome-declaration* qti-time-limits? qti-stylesheet* "
    "qti-item-session-control? qti-rubric-block* qti-test-part+ qti-outcome-processing? qti-test-feedback* "
    "qti-companion-materials-info? qti-catalog-info? : "
    "@content identifier! title! tool-name tool-version",
    f"qti-test-part = {_GATE} qti-rubric-block* qti-assessment-section* qti-assessment-section-ref* "
    "qti-test-feedback* : @content identifier!:identifier title navigation-mode!:linear|nonlinear "
    "submission-mode!:individual|simultaneous",
    f"qti-assessment-section = {_GATE} qti-selection? qti-ordering? qti-adaptive-selection? qti-rubric-block* "
    f"{_MEMBERS} qti-companion-materials-info? qti-catalog-info? : @content identifier!:identifier title "
    "visible:boolean required:boolean fixed:boolean keep-together:boolean",
    f"qti-assessment-section-ref = {_GATE} : "
    "@content identifier!:identifier href!:uri required:boolean fixed:boolean",
    f"qti-assessment-item-ref = {_GATE} qti-variable-mapping* qti-weight* qti-template-default* : "
    "@content identifier!:identifier href!:uri category:identifiers required:boolean fixed:boolean",
    "qti-pre-condition = EXPR :",
    "qti-branch-rule = EXPR : target!:identifier",
    "qti-item-session-control = : max-attempts:integer show-feedback:boolean allow-review:boolean "
    "show-solution:boolean allow-comment:boolean allow-skipping:boolean validate-responses:boolean",
    "qti-time-limits = : min-time:float max-time:float allow-late-submission:boolean",
    "qti-selection = : @content select!:count with-replacement:boolean",
    "qti-ordering = : @content shuffle:boolean",
    "qti-variable-mapping = : source-identifier!:identifier target-identifier!:identifier",
    "qti-weight = : identifier!:identifier value!:float",
    "qti-template-default = EXPR : template-identifier!:identifier",
    f"qti-outcome-processing = {_RULES} :",
    "qti-outcome-condition = qti-outcome-if qti-outcome-else-if* qti-outcome-else? :",
    f"qti-outcome-if = EXPR {_RULES} :",
    f"qti-outcome-else-if = EXPR {_RULES} :",
    f"qti-outcome-else = {_RULES} :",
    f"qti-outcome-processing-fragment = {_RULES} :",
    "qti-exit-test = :",
    "qti-test-feedback = qti-stylesheet* qti-content-body? qti-catalog-info? FLOW : "
    "@content identifier!:identifier outcome-identifier!:identifier access!:atEnd|during show-hide:hide|show title",
)
