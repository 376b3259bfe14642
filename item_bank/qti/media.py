"""What a package brings beside its items: pictures, sounds, films, captions, style sheets. Known by their bytes.

A file is what its first bytes say, whatever its name says; only SVG and style sheets, which have no mark of
their own, are known by name and then read whole. Nothing is decoded here: the size of a picture is read from
its header, so that a file of a few bytes cannot ask for gigabytes later.

* pictures: PNG, JPEG, GIF, WebP, at most ``MOST_PIXELS``, and SVG of an allow-list: no script, no event
  handlers, nothing from elsewhere
* sounds and films: MP3, MP4, Ogg, WebM, WAV · captions: WebVTT
* style sheets: UTF-8 text that loads nothing

>>> kind(b"GIF89a" + bytes([10, 0, 20, 0]), "dot.gif")
'image/gif'
>>> kind(b"%PDF-1.7", "dot.png")
Unfit(reason='this kind of file is not taken; pictures, sounds, films, captions and style sheets are')

Sources: PNG (ISO/IEC 15948), JPEG (ITU T.81), GIF 89a, WebP container, RFC 8216 style boxes of MP4, EBML, RFC 3533,
RIFF/WAVE, WebVTT, SVG 2.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from item_bank.item import Element
from item_bank.qti import xml
from item_bank.refusal import Notes


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


#: Bytes of one file. A minute of film has about a tenth of this.
LARGEST: Final = 32 << 20
#: A picture of two such screens side by side still passes.
MOST_PIXELS: Final = 40_000_000
LONGEST_SIDE: Final = 16_384

#: Text that has no mark of its own.
_BY_NAME: Final = MappingProxyType({"svg": "image/svg+xml", "css": "text/css"})
#: Frames of JPEG that carry the size; the numbers between are tables.
_JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: A photograph with every extra has a few dozen before its size.
_MOST_SEGMENTS: Final = 10_000
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})

_DRAWN: Final = _words(
    """
    svg g defs symbol use title desc metadata switch path rect circle ellipse line polyline polygon text tspan textPath
    image marker pattern mask clipPath linearGradient radialGradient stop filter feBlend feColorMatrix
    feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow
    feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight
    feSpecularLighting feSpotLight feTile feTurbulence style
    """
)
#: A picture inside, or a file beside: a browser loads neither file nor address for a picture, so those are blank.
_HARMLESS: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,|#|(?![a-z][a-z0-9+.-]*:|//|\\)", re.IGNORECASE)
#: Nothing here is tried twice (``+`` behind a count), so a file of blanks costs no more than its length.
_LOADS: Final = re.compile(
    r"""@import|expression\s*+\(|javascript:|-moz-binding|url\s*+\(\s*+["']?+\s*+(?!\#)""", re.IGNORECASE
)
#: The document type that drawing programs write. It names a file that nobody fetches; more in it is refused.
_SVG_TYPE: Final = re.compile(rb"""<!DOCTYPE\s+svg(?:\s+PUBLIC\s+"[^"\[<>]*"|\s+SYSTEM)?(?:\s+"[^"\[<>]*")?\s*>""")
_HEAD: Final = 64


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a file is not taken."""

    reason: str


def kind(data: bytes, name: str) -> str | Unfit:
    """The media type of a file, or why it is not taken. Never raises for bad input."""
    if len(data) > LARGEST:
        return Unfit(f"the file has more than {LARGEST} bytes")
    found = _kind(data) or _BY_NAME.get(name.rpartition(".")[2].lower())
    if found is None:
        return Unfit("this kind of file is not taken; pictures, sounds, films, captions and style sheets are")
    complaint = _complaint(data, found)
    return found if complaint is None else Unfit(complaint)


def size(data: bytes, media_type: str) -> tuple[int, int] | None:
    """Width and height of a picture in pixels, from its header; None where the header does not say."""
    try:
        match media_type:
            case "image/png":
                return _pair(">II", data, 16) if data[12:16] == b"IHDR" else None
            case "image/gif":
                return _pair("<HH", data, 6)
            case "image/jpeg":
                return _jpeg_size(data)
            case "image/webp":
                return _webp_size(data)
    except struct.error:
        return None
    return None


def _kind(data: bytes) -> str | None:
    head = data[:_HEAD]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF"):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head.startswith(b"OggS"):
        return "application/ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm"
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if re.match(rb"(?:\xef\xbb\xbf)?WEBVTT(?:[ \t\r\n]|\Z)", head):
        return "text/vtt"
    return None


def _complaint(data: bytes, media_type: str) -> str | None:
    if media_type == "image/svg+xml":
        return _svg_complaint(data)
    if media_type.startswith("image/"):
        return _picture_complaint(size(data, media_type))
    if media_type.startswith("text/"):
        return _text_complaint(data, media_type)
    return None


def _picture_complaint(found: tuple[int, int] | None) -> str | None:
    if found is None or 0 in found:
        return "the picture's header is broken"
    width, height = found
    if max(found) > LONGEST_SIDE or width * height > MOST_PIXELS:
        return f"the picture has {width} x {height} pixels, more than are shown"
    return None


def _text_complaint(data: bytes, media_type: str) -> str | None:
    if len(data) > xml.LARGEST:
        return f"the text has more than {xml.LARGEST} bytes"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "the file is not UTF-8"
    if media_type == "text/css" and ((found := _LOADS.search(_without_escapes(text))) or "</" in text):
        return f"the style sheet loads something or runs something ({found[0] if found else '</'})"
    return None


def _without_escapes(style: str) -> str:
    """Style as a browser reads it: comments gone, ``\\75 rl`` spelled out, so that nothing hides in them."""
    plain = re.sub(r"/\*.*?(?:\*/|\Z)", "", style, flags=re.DOTALL)
    return re.sub(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", _unescaped, plain, flags=re.DOTALL)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if code < 0x11_0000 else "\ufffd"


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walks from marker to marker until a frame says its size; segments are skipped, not read."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            return _pair(">HH", data, at + 5)[::-1]
        if marker == 0xFF or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = _pair("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _svg_complaint(data: bytes) -> str | None:
    notes = Notes("picture")
    document = xml.read(_SVG_TYPE.sub(b"", data, count=1), notes)
    if document is None:
        return f"the picture cannot be read: {notes.refusals[0].reason}"
    root = document.root
    if root.name != "svg" or document.namespace != "http://www.w3.org/2000/svg":
        return "this is not an SVG picture"
    return _drawn_complaint(root)


def _drawn_complaint(element: Element) -> str | None:
    """Why this part of a drawing is not taken. Words of drawing programs about themselves draw nothing."""
    if element.name.startswith("{"):
        return None
    if element.name not in _DRAWN:
        return f"the picture holds <{element.name}>, which is not taken (line {element.line})"
    if element.name == "metadata":
        return None
    for name, value in element.attributes:
        if (reason := _attribute_complaint(name, value)) is not None:
            return f"{reason} (line {element.line})"
    if element.name == "style" and _LOADS.search(_without_escapes(element.text)):
        return f"the picture's style loads something (line {element.line})"
    return next((found for one in element.elements() if (found := _drawn_complaint(one)) is not None), None)


def _attribute_complaint(name: str, value: str) -> str | None:
    if name.lower().startswith("on"):
        return f"the picture has the event handler {name}"
    if name in ("href", "xlink:href", "src") and not _HARMLESS.match(value.strip()):
        return "the picture refers to something elsewhere"
    if _LOADS.search(_without_escapes(value)):
        return f"the attribute {name} of the picture loads something"
    return None


def _pair(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return first, second
