"""The content an item may hold: HTML as QTI 3.0 takes it, MathML 3, SSML 1.1, and pictures drawn in SVG.

``BLOCKS`` stand where blocks may stand, ``INLINE`` also inside a paragraph. Interactions, feedback and the like
stand among them: `grammar_items` says what they hold.

Sources: QTI 3.0 XML binding (HTML5 content); MathML 3; SSML 1.1; SVG 1.1 static shapes.
"""

from __future__ import annotations

from typing import Final


def _words(names: str, prefix: str = "") -> frozenset[str]:
    return frozenset(prefix + name for name in names.split())


_PHRASES: Final = (
    "a abbr acronym b bdi bdo big cite code del dfn em i ins kbd label mark q s samp small span strong sub sup time "
    "tt u var"
)
INLINE: Final = _words(_PHRASES) | _words(
    "audio br img object picture ruby video wbr "
    "qti-end-attempt-interaction qti-inline-choice-interaction qti-text-entry-interaction qti-gap qti-hottext "
    "qti-printed-variable qti-feedback-inline qti-template-inline qti-custom-interaction"
)
BLOCKS: Final = _words(
    "address article aside blockquote details div dl figure footer h1 h2 h3 h4 h5 h6 header hgroup hr main nav ol p "
    "pre section table ul "
    "qti-associate-interaction qti-choice-interaction qti-drawing-interaction qti-extended-text-interaction "
    "qti-gap-match-interaction qti-graphic-associate-interaction qti-graphic-gap-match-interaction "
    "qti-graphic-order-interaction qti-hotspot-interaction qti-hottext-interaction qti-match-interaction "
    "qti-media-interaction qti-order-interaction qti-portable-custom-interaction qti-position-object-stage "
    "qti-select-point-interaction qti-slider-interaction qti-upload-interaction "
    "qti-feedback-block qti-rubric-block qti-template-block"
)

_ONLY_PHRASES: Final = f"{_PHRASES} h1 h2 h3 h4 h5 h6 p pre address dt summary rb rt rp"
_ANYTHING: Final = "article aside blockquote dd div figcaption footer header hgroup li main nav section"

LINES: Final = (
    *(f"{name} = INLINE : @content" for name in _ONLY_PHRASES.split()),
    *(f"{name} = FLOW : @content" for name in _ANYTHING.split()),
    "br = : @content",
    "hr = : @content",
    "wbr = : @content",
    "ol = li* : @content",
    "ul = li* : @content",
    "dl = dt* dd* div* : @content",
    "figure = figcaption? FLOW : @content",
    "details = summary? FLOW : @content open",
    "ruby = rb* rt* rp* rtc* INLINE : @content",
    "rtc = rt* rp* INLINE : @content",
    "table = caption? colgroup* col* thead? tbody* tfoot? tr* : @content summary",
    "caption = FLOW : @content",
    "colgroup = col* : @content span:count",
    "col = : @content span:count",
    "thead = tr* : @content",
    "tbody = tr* : @content",
    "tfoot = tr* : @content",
    "tr = th* td* : @content",
    "td = FLOW : @content colspan:count rowspan:count headers scope abbr",
    "th = FLOW : @content colspan:count rowspan:count headers scope abbr",
    "img = : @content src!:uri alt longdesc:uri width height",
    "picture = source* img : @content",
    "audio = source* track* FLOW : @content src:uri autoplay controls loop muted preload",
    "video = source* track* FLOW : @content src:uri poster:uri autoplay controls loop muted preload width height",
    "source = : @content src:uri srcset type media sizes",
    "track = : @content src!:uri kind srclang default",
    "object = param* FLOW : @content data:uri type width height name",
    "param = : @content name! value valuetype type",
)

MATH: Final = _words(
    # presentation
    "math mi mn mo mtext mspace ms mglyph mrow mfrac msqrt mroot mstyle merror mpadded mphantom mfenced menclose "
    "msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mlabeledtr mtr mtd maligngroup "
    "malignmark mstack mlongdiv msgroup msrow mscarries mscarry msline maction semantics annotation annotation-xml "
    # content
    "ci cn csymbol cs apply bind bvar share cerror cbytes interval inverse condition declare lambda compose ident "
    "domain codomain image domainofapplication piecewise piece otherwise quotient factorial divide max min minus plus "
    "power rem times root gcd and or xor not implies forall exists abs conjugate arg real imaginary lcm floor ceiling "
    "eq neq gt lt geq leq equivalent approx factorof int diff partialdiff lowlimit uplimit degree divergence grad curl "
    "laplacian set list union intersect in notin subset prsubset notsubset notprsubset setdiff card cartesianproduct "
    "sum product limit tendsto exp ln log logbase sin cos tan sec csc cot sinh cosh tanh sech csch coth arcsin arccos "
    "arctan arccosh arccot arccoth arccsc arccsch arcsec arcsech arcsinh arctanh mean sdev variance median mode moment "
    "momentabout vector matrix matrixrow determinant transpose selector vectorproduct scalarproduct outerproduct "
    "integers reals rationals naturalnumbers complexes primes emptyset exponentiale imaginaryi notanumber true false "
    "pi eulergamma infinity reln fn sep",
    "m:",
)
SPEECH: Final = _words(
    "audio break desc emphasis lang lexicon lookup mark meta metadata p phoneme prosody s say-as speak sub token "
    "voice w",
    "ssml:",
)
SVG: Final = _words(
    "svg g defs title desc path rect circle ellipse line polyline polygon text tspan textPath tref symbol use image "
    "marker mask clipPath pattern linearGradient radialGradient stop switch view metadata filter feBlend "
    "feColorMatrix feComposite feFlood feGaussianBlur feMerge feMergeNode feOffset",
    "svg:",
)
