"""What of an item shows in a state: feedback and template content, printed variables, variables in formulas.

The renderer asks here and writes nothing else, so what a candidate sees follows from the state alone.

* ``show-hide="show"``: visible when the variable holds the element's identifier; ``hide``: visible unless it does.
  An element that names no variable, or one that is not there, shows only where it says ``hide``.
* A printed variable that is NULL prints nothing. Numbers are written by the element's format, as in C, and by
  ``r``: so many significant figures without an exponent. Without a format a whole float loses its point.

>>> number_text(1234.5678, "%.3r"), number_text(10, "%i", base=2), number_text(0.5)
('1230', '1010', '0.5')

Source: QTI 3.0 Information Model, feedback and template content, printed variable (number formatting).
"""

from __future__ import annotations

import math
import re
from typing import Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.compiler import Values
from item_bank.qti.expressions_numbers import rounded
from item_bank.qti.values import Atom, Value
from item_bank.qti.variables import Declaration, flag

_FORMAT: Final = re.compile(r"%([-+ #0]{0,5})([0-9]{1,3})?(?:\.([0-9]{1,2}))?([eEfgGrRidoxX])")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_RAISED: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def shown(element: Element, held: Values) -> bool:
    """Whether an element of feedback, template content or a choice is visible in a state's ``values``.

    An element that depends on no variable always is.
    """
    variable = element.get("outcome-identifier") or element.get("template-identifier")
    if variable is None:
        return True
    value = held.get(variable)
    named = element.get("identifier") or ""
    met = value is not None and value.cardinality != "record" and named in map(_word, value.items)
    return met is not (element.get("show-hide") == "hide")


def printed(element: Element, held: Values) -> str:
    """The text of a ``qti-printed-variable``; empty for NULL."""
    value = held.get(element.get("identifier") or "")
    if value is None:
        return ""
    if value.cardinality == "record":
        return _printed_record(element, value)
    index = _index(element, held)
    items = value.items
    if value.cardinality == "ordered" and element.get("index"):
        items = items[index - 1 : index] if 1 <= index <= len(items) else ()
    delimiter = element.get("delimiter") or ";"
    return delimiter.join(_written(element, value.base_type, atom) for atom in items)


def in_formula(element: Element, held: Values, declared: dict[str, Declaration]) -> Element:
    """A MathML tree with the template variables declared for it put in the place of their names."""
    name = element.text.strip()
    if element.name in ("m:mi", "m:ci") and (known := declared.get(name)) is not None:
        if known.kind == "template" and flag(known.element, "math-variable", False):
            value = held.get(name)
            text = "" if value is None else ";".join(_plain(value.base_type, atom) for atom in value.items)
            return Element("m:mn" if element.name == "m:mi" else "m:cn", element.attributes, (text,))
        return element
    changed = tuple(
        in_formula(node, held, declared) if isinstance(node, Element) else node for node in element.children
    )
    return Element(element.name, element.attributes, changed)


def number_text(number: float, form: str = "", base: int = 10, power_form: bool = False) -> str:
    """A number by a format such as ``%.2f``; text around the one conversion stays."""
    found = _FORMAT.search(form)
    if found is None:
        return str(number) if isinstance(number, int) else f"{number:.12G}"
    told = _converted(number, found, base)
    if power_form and (parts := re.fullmatch(r"(.*)[eE]([+-]?[0-9]+)", told)):
        told = f"{parts[1]} × 10{str(int(parts[2])).translate(_RAISED)}"
    return form[: found.start()] + told + form[found.end() :]


def _converted(number: float, found: re.Match[str], base: int) -> str:
    flags, width, precision, kind = found[1], found[2] or "", found[3], found[4]
    if kind in "idoxX":
        whole = int(number)
        digits = _in_base(abs(whole), {"o": 8, "x": 16, "X": 16}.get(kind, base if kind == "i" else 10))
        sign = "-" if whole < 0 else "+" if "+" in flags else " " if " " in flags else ""
        digits = digits.upper() if kind == "X" else digits
        return _padded(sign, digits.rjust(int(precision or 0), "0"), flags, int(width or 0))
    if kind in "rR":
        text = _figures(abs(number), int(precision or 6))
        return _padded("-" if number < 0 else "+" if "+" in flags else "", text, flags, int(width or 0))
    return f"%{flags}{width}{'' if precision is None else '.' + precision}{kind}" % number


def _figures(number: float, figures: int) -> str:
    """So many significant figures, never with an exponent; zeros keep their meaning as figures."""
    told = rounded(number, "significantFigures", max(1, figures))
    magnitude = math.floor(math.log10(told)) if told else 0
    return f"{told:.{min(max(0, figures - 1 - magnitude), 300)}f}"


def _padded(sign: str, digits: str, flags: str, width: int) -> str:
    if "-" in flags:
        return (sign + digits).ljust(width)
    return sign + digits.rjust(width - len(sign), "0") if "0" in flags else (sign + digits).rjust(width)


def _in_base(number: int, base: int) -> str:
    if not 2 <= base <= len(_DIGITS) or number == 0:
        return str(number)
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits


def _printed_record(element: Element, value: Value) -> str:
    chosen = element.get("field")
    if chosen is not None:
        field = value.field(chosen)
        return "" if field is None else _written(element, field.base_type, field.item)
    delimiter, between = element.get("delimiter") or ";", element.get("mapping-indicator") or "="
    return delimiter.join(f"{name}{between}{_written(element, one.base_type, one.item)}" for name, one in value.items)


def _written(element: Element, base_type: str, atom: Atom) -> str:
    if base_type not in ("integer", "float", "duration"):
        return _plain(base_type, atom)
    base = element.get("base") or "10"
    radix = int(base) if base.isdigit() and len(base) < 3 else 10
    form = element.get("format") or ("%i" if base_type == "integer" else "")
    return number_text(atom, form, radix, flag(element, "power-form", False))


def _plain(base_type: str, atom: Atom) -> str:
    return number_text(atom) if base_type in ("integer", "float", "duration") else values.write(base_type, atom)


def _index(element: Element, held: Values) -> int:
    """A number, or the variable that holds it."""
    told = (element.get("index") or "").strip()
    if told.isdigit() and len(told) < 6:
        return int(told)
    value = held.get(told)
    return value.item if value is not None and value.base_type == "integer" else 0


def _word(atom: Atom) -> str:
    return atom if isinstance(atom, str) else str(atom).lower() if isinstance(atom, bool) else str(atom)
