"""Response processing and template processing: rules, and the expressions they are made of.

How the lines are read is told in `grammar`. What an expression means, and which types it may take, is told by
`expressions`; here is only what may stand where.

Source: QTI 3.0 Assessment, Section and Item Information Model: response processing, template processing,
expressions.
"""

from __future__ import annotations

from typing import Final

_SUBSET: Final = "section-identifier:identifier include-category:identifiers exclude-category:identifiers"
_ROUNDING: Final = "rounding-mode!:decimalPlaces|significantFigures figures!:integer-or-variable"
_ROUNDS: Final = _ROUNDING.replace("rounding-mode!", "rounding-mode")
_TOLERANCE: Final = (
    "tolerance-mode:absolute|exact|relative tolerance:numbers-or-variables include-lower-bound:boolean "
    "include-upper-bound:boolean"
)
_RULES: Final = (
    "qti-response-condition* qti-response-processing-fragment* qti-set-outcome-value* qti-lookup-outcome-value* "
    "qti-exit-response* xi:include*"
)
_TEMPLATE_RULES: Final = (
    "qti-template-condition* qti-template-constraint* qti-set-template-value* qti-set-correct-response* "
    "qti-set-default-value* qti-exit-template*"
)
_MATHS: Final = (
    "abs|acos|acot|acsc|asec|asin|atan|atan2|ceil|cos|cosh|cot|coth|csc|csch|exp|floor|ln|log|sec|sech|signum|sin|"
    "sinh|tan|tanh|toDegrees|toRadians"
)

_EXPRESSIONS: Final = (
    "qti-and = EXPR+ :",
    "qti-or = EXPR+ :",
    "qti-not = EXPR :",
    "qti-any-n = EXPR+ : min!:integer-or-variable max!:integer-or-variable",
    "qti-base-value = TEXT : base-type!:boolean|directedPair|duration|file|float|identifier|integer|pair|point|"
    "string|uri",
    "qti-variable = : identifier!:identifier weight-identifier:identifier",
    "qti-correct = : identifier!:identifier",
    "qti-default = : identifier!:identifier",
    "qti-null = :",
    "qti-is-null = EXPR :",
    "qti-map-response = : identifier!:identifier",
    "qti-map-response-point = : identifier!:identifier",
    "qti-math-constant = : name!:e|pi",
    f"qti-math-operator = EXPR+ : name!:{_MATHS}",
    "qti-stats-operator = EXPR : name!:mean|popSD|popVariance|sampleSD|sampleVariance",
    "qti-random-integer = : min:integer-or-variable max!:integer-or-variable step:integer-or-variable",
    "qti-random-float = : min:number-or-variable max!:number-or-variable",
    "qti-random = EXPR :",
    "qti-multiple = EXPR* :",
    "qti-ordered = EXPR* :",
    "qti-container-size = EXPR :",
    "qti-contains = 2*EXPR :",
    "qti-delete = 2*EXPR :",
    "qti-index = EXPR : n!:integer-or-variable",
    "qti-member = 2*EXPR :",
    "qti-field-value = EXPR : field-identifier!:identifier",
    "qti-repeat = EXPR+ : number-repeats!:integer-or-variable",
    "qti-match = 2*EXPR :",
    "qti-string-match = 2*EXPR : case-sensitive!:boolean substring:boolean",
    "qti-substring = 2*EXPR : case-sensitive!:boolean",
    "qti-pattern-match = EXPR : pattern!",
    f"qti-equal = 2*EXPR : {_TOLERANCE}",
    f"qti-equal-rounded = 2*EXPR : {_ROUNDS}",
    "qti-inside = EXPR : shape!:circle|default|ellipse|poly|rect coords!:coords",
    "qti-lt = 2*EXPR :",
    "qti-lte = 2*EXPR :",
    "qti-gt = 2*EXPR :",
    "qti-gte = 2*EXPR :",
    "qti-duration-lt = 2*EXPR :",
    "qti-duration-gte = 2*EXPR :",
    "qti-sum = EXPR+ :",
    "qti-product = EXPR+ :",
    "qti-subtract = 2*EXPR :",
    "qti-divide = 2*EXPR :",
    "qti-power = 2*EXPR :",
    "qti-integer-divide = 2*EXPR :",
    "qti-integer-modulus = 2*EXPR :",
    "qti-integer-to-float = EXPR :",
    "qti-truncate = EXPR :",
    "qti-round = EXPR :",
    f"qti-round-to = EXPR : {_ROUNDING}",
    "qti-min = EXPR+ :",
    "qti-max = EXPR+ :",
    "qti-gcd = EXPR+ :",
    "qti-lcm = EXPR+ :",
    f"qti-number-correct = : {_SUBSET}",
    f"qti-number-incorrect = : {_SUBSET}",
    f"qti-number-presented = : {_SUBSET}",
    f"qti-number-responded = : {_SUBSET}",
    f"qti-number-selected = : {_SUBSET}",
    f"qti-outcome-minimum = : {_SUBSET} outcome-identifier!:identifier weight-identifier:identifier",
    f"qti-outcome-maximum = : {_SUBSET} outcome-identifier!:identifier weight-identifier:identifier",
    f"qti-test-variables = : {_SUBSET} variable-identifier!:identifier weight-identifier:identifier "
    "base-type:boolean|directedPair|duration|file|float|identifier|integer|pair|point|string|uri",
)
EXPRESSIONS: Final = frozenset(line.partition(" ")[0] for line in _EXPRESSIONS)

LINES: Final = (
    *_EXPRESSIONS,
    f"qti-response-processing = {_RULES} : template:uri template-location:uri",
    "qti-response-condition = qti-response-if qti-response-else-if* qti-response-else? :",
    f"qti-response-if = EXPR {_RULES} :",
    f"qti-response-else-if = EXPR {_RULES} :",
    f"qti-response-else = {_RULES} :",
    f"qti-response-processing-fragment = {_RULES} :",
    "qti-set-outcome-value = EXPR : identifier!:identifier",
    "qti-lookup-outcome-value = EXPR : identifier!:identifier",
    "qti-exit-response = :",
    f"qti-template-processing = {_TEMPLATE_RULES} :",
    "qti-template-condition = qti-template-if qti-template-else-if* qti-template-else? :",
    f"qti-template-if = EXPR {_TEMPLATE_RULES} :",
    f"qti-template-else-if = EXPR {_TEMPLATE_RULES} :",
    f"qti-template-else = {_TEMPLATE_RULES} :",
    "qti-template-constraint = EXPR :",
    "qti-set-template-value = EXPR : identifier!:identifier",
    "qti-set-correct-response = EXPR : identifier!:identifier",
    "qti-set-default-value = EXPR : identifier!:identifier",
    "qti-exit-template = :",
)
