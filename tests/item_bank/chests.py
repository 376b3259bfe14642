"""An adaptive item of our own: three chests, one of which holds the rope; one is opened, and one may change one's mind.

It has what an adaptive item can have: stages shown by an outcome, chance in the clone and in an attempt, a hint that
costs, a printed outcome, feedback apart, and a score that the whole way decides.
"""

from __future__ import annotations

from tests.item_bank.samples import item_xml


def _named(name: str) -> str:
    return f'<qti-variable identifier="{name}"/>'


def _value(told: str, base: str = "identifier") -> str:
    return f'<qti-base-value base-type="{base}">{told}</qti-base-value>'


def _set(name: str, told: str) -> str:
    return f'<qti-set-outcome-value identifier="{name}">{told}</qti-set-outcome-value>'


def _is(name: str, told: str) -> str:
    return f"<qti-match>{_named(name)}{_value(told)}</qti-match>"


def _block(stage: str, inner: str) -> str:
    return (
        f'<qti-feedback-block outcome-identifier="STAGE" identifier="{stage}" show-hide="show">'
        f"<qti-content-body>{inner}</qti-content-body></qti-feedback-block>"
    )


def _choice(variable: str, prompt: str, options: dict[str, str]) -> str:
    choices = "".join(
        f'<qti-simple-choice identifier="{name}">{words}</qti-simple-choice>' for name, words in options.items()
    )
    return (
        f'<qti-choice-interaction response-identifier="{variable}" max-choices="1"><qti-prompt>{prompt}</qti-prompt>'
        f"{choices}</qti-choice-interaction>"
    )


_CHESTS = f"<qti-multiple>{''.join(_value(one) for one in 'ABC')}</qti-multiple>"
_DECLARED = """
<qti-response-declaration identifier="CHEST" cardinality="single" base-type="identifier"/>
<qti-response-declaration identifier="MIND" cardinality="single" base-type="identifier">
  <qti-correct-response><qti-value>swap</qti-value></qti-correct-response></qti-response-declaration>
<qti-response-declaration identifier="HINT" cardinality="single" base-type="boolean"/>
"""
_OUTCOMES = """
<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float" normal-maximum="4">
  <qti-default-value><qti-value>0</qti-value></qti-default-value></qti-outcome-declaration>
<qti-outcome-declaration identifier="STAGE" cardinality="single" base-type="identifier">
  <qti-default-value><qti-value>choosing</qti-value></qti-default-value></qti-outcome-declaration>
<qti-outcome-declaration identifier="HELP" cardinality="single" base-type="identifier"/>
<qti-outcome-declaration identifier="OPENED" cardinality="single" base-type="identifier"/>
<qti-template-declaration identifier="ROPE" cardinality="single" base-type="identifier"/>
"""
_TEMPLATE = (
    "<qti-template-processing><qti-set-template-value identifier='ROPE'>"
    f"<qti-random>{_CHESTS}</qti-random></qti-set-template-value></qti-template-processing>"
)
_OTHERS = f"<qti-delete>{_named('ROPE')}<qti-delete>{_named('CHEST')}{_CHESTS}</qti-delete></qti-delete>"
_FOUND = f"<qti-match>{_named('CHEST')}{_named('ROPE')}</qti-match>"
_RIGHT = (
    f"<qti-or><qti-and>{_FOUND}{_is('MIND', 'stay')}</qti-and>"
    f"<qti-and><qti-not>{_FOUND}</qti-not>{_is('MIND', 'swap')}</qti-and></qti-or>"
)
_WORTH = (
    f"<qti-response-if>{_is('HELP', 'asked')}{_set('SCORE', _value('3', 'float'))}</qti-response-if>"
    f"<qti-response-else>{_set('SCORE', _value('4', 'float'))}</qti-response-else>"
)
_PROCESSING = f"""<qti-response-processing><qti-response-condition>
  <qti-response-if>{_named("HINT")}{_set("HELP", _value("asked"))}
    {_set("completionStatus", _value("incomplete"))}</qti-response-if>
  <qti-response-else-if>
    <qti-and>{_is("STAGE", "choosing")}<qti-not><qti-is-null>{_named("CHEST")}</qti-is-null></qti-not></qti-and>
    {_set("OPENED", f"<qti-random>{_OTHERS}</qti-random>")}
    {_set("STAGE", _value("opened"))}{_set("completionStatus", _value("incomplete"))}
  </qti-response-else-if>
  <qti-response-else-if>
    <qti-and>{_is("STAGE", "opened")}<qti-not><qti-is-null>{_named("MIND")}</qti-is-null></qti-not></qti-and>
    <qti-response-condition><qti-response-if>{_RIGHT}<qti-response-condition>{_WORTH}</qti-response-condition>
    </qti-response-if></qti-response-condition>
    {_set("STAGE", _value("told"))}{_set("completionStatus", _value("completed"))}
  </qti-response-else-if>
</qti-response-condition></qti-response-processing>"""
_BODY = (
    "<p>One of three chests holds the rope.</p>"
    + _block("choosing", _choice("CHEST", "Which chest do you choose?", {one: f"Chest {one}" for one in "ABC"}))
    + _block(
        "opened",
        '<p>Chest <qti-printed-variable identifier="OPENED"/> is opened, and it is empty.</p>'
        + _choice("MIND", "Do you stay?", {"stay": "I stay", "swap": "I take the other one"}),
    )
    + _block("told", "<p>All chests are open now.</p>")
    + '<p><qti-end-attempt-interaction response-identifier="HINT" title="Ask for a hint"/></p>'
    + '<p><qti-feedback-inline outcome-identifier="HELP" identifier="asked" show-hide="show">'
    "Who changes their mind finds it twice in three times.</qti-feedback-inline></p>"
)
_APART = (
    '<qti-modal-feedback outcome-identifier="STAGE" identifier="told" show-hide="show"><qti-content-body>'
    '<p>The rope was in chest <qti-printed-variable identifier="ROPE"/>.</p></qti-content-body></qti-modal-feedback>'
)


def chests(identifier: str = "chests", adaptive: str = "true") -> bytes:
    """The item. Without a hint it gives four points, with one three, and none to whoever ends at the wrong chest."""
    return item_xml(
        identifier=identifier,
        attributes=f'adaptive="{adaptive}"',
        response=_DECLARED,
        outcomes=_OUTCOMES + _TEMPLATE,
        interaction=_BODY,
        processing=_PROCESSING + _APART,
    )
