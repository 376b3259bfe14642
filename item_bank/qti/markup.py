"""Writing HTML, one tag at a time, with everything quoted as a browser would write it back.

>>> tag("p", (("class", "note"),), text("1 < 2"))
'<p class="note">1 &lt; 2</p>'
>>> start("input", (("checked", ""), ("value", 'say "a"')))
'<input checked="" value="say &quot;a&quot;">'

Source: HTML, "Serializing HTML fragments".
"""

from __future__ import annotations

import html
from collections.abc import Iterable

Written = Iterable[tuple[str, str]]


def tag(name: str, attributes: Written, inner: str) -> str:
    """One element with what it holds, which is markup already."""
    return f"{start(name, attributes)}{inner}</{name}>"


def start(name: str, attributes: Written = ()) -> str:
    """A start tag, which is all that a void element has."""
    written = "".join(f' {key}="{quoted(value)}"' for key, value in attributes)
    return f"<{name}{written}>"


def text(content: str) -> str:
    return html.escape(content, quote=False).replace("\xa0", "&nbsp;")


def quoted(value: str) -> str:
    """A value between double quotes."""
    return (
        value.replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("\xa0", "&nbsp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )
