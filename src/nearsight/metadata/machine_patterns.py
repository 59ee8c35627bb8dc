"""Patterns of what cameras and programs write by themselves into the places of a person's words.

Each must match a whole text, so that a person's words which merely contain it stay.
"""

from __future__ import annotations

import re

_BRANDS = (
    "agfa(?:photo)?|aiptek|asus|benq|canon|casio|contax|dji|eastman kodak(?: company)?|epson|fuji(?:film)?|google|"
    "gopro|hasselblad|hewlett[- ]packard|hp|htc|huawei|jenoptik|jvc|kenox|kodak|konica(?: ?minolta)?|kyocera|leica|"
    "lenovo|lg|lge|medion|minolta|motorola|mustek|nikon(?: corporation)?|nokia|olympus|oneplus|oppo|panasonic|"
    "pentax|polaroid|"
    "praktica|realme|ricoh|rollei|samsung(?: techwin)?|sanyo|sony(?: ?ericsson)?|toshiba|umax|vivitar|vluu|xiaomi|"
    "yashica|zeiss"
)
_WORDS_AND_BRANDS = "apple|concord|ge|honor|moto|parrot|premier|sharp|sigma|trust|vivo"
"""Brands whose names are words of people too: they count where the file names them as its camera."""
_CAMERA_WORDS = (
    "digital|still|video|movie|camera|cameras|cam|dsc|csc|imaging|optical|company|corp|corporation|co|ltd|inc|phone|"
    "mobile|smartphone|photosmart|picture|image|photo|jpeg"
)
_PROGRAMS = (
    "accusoft|acd ?systems|acdsee|applemark|b612|beautyplus|camera360|canva|capture ?one|corel\\w*|darktable|digikam|"
    "ezgif|facetune|faststone|ffmpeg|gd[- ]?jpeg|gifsicle|giphy|gimp|google photos|graphicsmagick|handmade software|"
    "image ?magick|imagej|inkscape|instagram|intel\\(r\\) jpeg|intel jpeg|iphoto|irfan ?view|jpegmini|jpegoptim|kofax|"
    "krita|lavc|lead ?tools?|lead technologies|libjpeg|lightroom|matplotlib|microsoft office|ms ?paint|nikon transfer|"
    "paint ?shop ?pro|paint\\.net|photo ?scape|photo ?booth|photolab|photomatix|photopea|photoshop|picasa|picsart|"
    "pixelmator|pixlr|polarr|quicktime|rawtherapee|silverfast|sketchup|snagit|snapchat|snapseed|tiktok|u-?lead|viewnx|"
    "vsco(?:cam)?|vuescan|windows photo\\w*|xnview|zoner photo"
)
_WORDS_AND_PROGRAMS = (
    "affinity|aperture|blender|camera raw|dxo|figma|inshot|luminar|meitu|nero|on1|preview|prisma|remini|sketch|xv|zoner"
)
"""Programs whose names are words of people too: only what was made with them is theirs."""
_MADE = (
    "captured|compressed|converted|created|edited|encoded|enhanced|exported|filtered|generated|made|modified|optimi[sz]ed|"
    "powered|processed|produced|rendered|resized|retouched|saved|scanned|screenshot taken|shot|taken|written"
)
_MAKER = "(?:the |adobe |apple |google |microsoft |acd systems )*"
_VERSION_WORDS = (
    r"\b[a-z]?\d[\w.]*|[\s\d.,:;()/\[\]®™¨_=%-]|\b(?:v\d[\w.]*|version|ver|rev|cs\d?|cc|elements|lightroom|classic|pro|"
    r"for|windows|macintosh|mac|os ?x|linux|ios|android|express|mobile|jpeg|library|codec|encoder|build|x64|bit|beta|"
    r"software|inc|corp|ltd|technologies|systems|digital imaging|quality|image editor|photo editor|adobe|core|client|"
    r"imaging|print|icc|pdf|filter|photo|image alchemy|gallery)\b"
)
_SETTINGS = (
    r" (?:with|using|in) (?:[\w-]+ ){0,3}(?:preset|filter|mode|effect)s?| on (?:an? )?(?:iphone|ipad|mac|android|pc)"
)
_COUNTED = "fb_img|img|image|pict|picture|photo|foto|bild|scan|screenshot"
_NUMBERED = (
    "dsc[fnitx]?|_dsc|_?img|_mg|imgp|imag|mvi|mvc|cimg|gopr|gp|sam|sdc|hpim|kif|epsn|sta|stb|crw|pxl|vid|pano|dji|wp|"
    "received"
)
_ENDING = "jpe?g|jpe|png|gif|tiff?|bmp|webp|heic|heif|avif|psd|cr[23w]|nef|arw|dng|orf|raf|rw2|raw|pef|mp4|mov|avi|pdf"
_NOTHING = (
    "untitled|unbenannt|ohne titel|sans titre|senza titolo|sin t[ií]tulo|sem t[ií]tulo|naamloos|zonder titel|bez nazwy|"
    "без имени|без названия|無題|名称未設定|未标题|未命名|제목 없음"
)
_SHOT = (
    "screen ?shots?|screen ?captures?|screen ?grab|bildschirmfoto|capture d.[ée]cran|captura de (?:pantalla|tela)|"
    "schermafbeelding|schermata|skärmavbild|zrzut ekranu|снимок экрана|スクリーンショット|截屏|屏幕截图|스크린샷"
)

DEFAULTS = re.compile(
    "|".join(
        (
            rf"(?:{_BRANDS})?\s*(?:digital (?:still )?camera|dsc|still camera)s?",
            rf"<[^<>]*\b(?:{_BRANDS}|digimax)\b[^<>]*>",
            r"(?:[a-z]:)?[\\/]?dcim[\\/].*|[a-z]:\\\S.*|\\\\\S+\\.*|/[^\s/]+/\S+|file:///?\S+",
            r"exif[ _-]?jpeg(?:[ _-]\w+)?|exif[ _-]t?\d+",
            r"(?:jpe?g|png|gif|tiff?|bmp|webp|heic|bitmap|raw)?\s*(?:images?|pictures?|photos?|files?|bitmaps?)",
            r"(?:no |empty |user |image |my |add |your )*(?:comments?|descriptions?|titles?|captions?)(?: here)?",
            r"default(?: (?:description|comment|title|caption))?|none|null|nil|n/?a|unknown|undefined|not set|empty",
            r"ascii|unicode|jis|jpe?g|png|gif|tiff?|my beautiful picture|binary comment|\(?binary data.*",
            rf"(?:{_NOTHING})(?:[-_ ]?\d+)?(?: @ .*)?|(?:{_SHOT})(?:[-_ ]?\d[\d\s._:-]*)?",
            rf"(?:file )?(?:{_MADE})(?: and (?:{_MADE}))? (?:with|by|using|in|on|via|from) {_MAKER}(?:{_PROGRAMS}|"
            rf"{_WORDS_AND_PROGRAMS})(?:{_SETTINGS}|{_VERSION_WORDS})*+",
            rf"{_MAKER}(?:{_PROGRAMS})(?:{_VERSION_WORDS})*+",
            rf"(?:{_MADE}) (?:with|by|using) [\w .,&-]{{1,40}}\b(?:corp|inc|ltd|gmbh|llc|software)\.?",
            rf"this (?:gif|jpe?g|png|file|image|picture|photo)(?: file| image)? was (?:{_MADE}|assembled) .*",
            r"creator: .*(?:version|quality|rev\b|\bv\d).*|software: .*",
            rf"(?:[\w-]+ ){{0,2}}jpeg (?:encoder|library|codec)(?:copyright.*|{_VERSION_WORDS})*+",
            r"oplus_\d+|lavc[\d.]+|x26[45].*|\d*[-_ ]?hdr[-_ ]?\d*|(?:img_?)?burst\d+",
            r"(?:whatsapp|signal|telegram)[ -](?:(?:image|video|photo)[ -])?\d{4}-\d\d-\d\d\W.{0,30}",
            rf"(?:(?:{_COUNTED})[ _-]?\(?\d+\)?|(?:{_NUMBERED})[_-]?\d{{3,}}|p\d{{7}})(?:[-_~ ]\(?[a-z]?\d+\)?)*"
            r"(?:[-_]\w{1,8})?|\d{3}_\d{4}",
            rf"[^\s\\/]+\.(?:{_ENDING})",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
_MODELS = rf"(?:[ /]+(?:{_CAMERA_WORDS}|[\w+.-]*\d[\w+.-]*))*"
SHOUTED = re.compile(rf"(?:{_BRANDS}){_MODELS}", re.IGNORECASE)
BRANDED = re.compile(rf"(?:{_BRANDS}|{_WORDS_AND_BRANDS}){_MODELS}", re.IGNORECASE)
"""A brand alone, or with words and numbers of cameras."""

UNKNOWN = re.compile(r"none|null|nil|n/?a|unknown|undefined|not set|empty|default", re.IGNORECASE)
HUAWEI_MODES = re.compile(
    "bsh|bt[fry]|bty|cfb|cof|dav|edf|f[bd][rt]|fptbty|hdr(?:dn|pl)?|jhdr|kbt|mde|mon|n?fbt|nor|oz(?:nor|edf|ptr)\\w*|"
    "ptf?bty|ptr|rbt|rhdr|rpt(?:nor|pl)?|sdr|tpr|trj|v?hdr"
)
IDENTIFIERS = re.compile(
    r"\{?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?|(?=[a-z]*\d)(?=\d*[a-f])[0-9a-f]{8,}|0x[0-9a-f]+",
    re.IGNORECASE,
)
ENCODED = re.compile(r"(?=\S*\d)(?=\S*[A-Z])(?=\S*[a-z])[A-Za-z0-9+/]{32,}={0,2}")
MARKUP = re.compile(r"<(?:[?!]|[a-z][\w:-]*[\s/>](?=.*/\w*>)).*>", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"(?:file source: )?(?:https?|ftp|content)://\S+|data:\w+/\w+[;,]\S*", re.IGNORECASE)
PROMPT = re.compile(r"\bsteps: ?\d+,|\bjob id: ?[0-9a-f]{8}-", re.IGNORECASE)
PROMPT_SETTING = re.compile(r"\b(?:sampler|seed|cfg scale): ?\S|\bjob id: ?[0-9a-f]{8}-", re.IGNORECASE)
"""What generators of images write behind what they were asked for: both stand there."""

PAIR = re.compile(r"\s*([\w.-]{1,40})\s*[:=]\s*(.*)", re.DOTALL)
BARE_VALUE = re.compile(r"[\s\d.,()xe+-]*|true|false|null|none|yes|no|on|off|0x[0-9a-f]+", re.IGNORECASE)
NOTATION = re.compile(
    r"(?:charset\s*=\s*\"?(?:ascii|unicode|jis|undefined|invalidcharsetid)\"?|lang\s*=\s*\"?x-default\"?)\s+",
    re.IGNORECASE,
)
"""How one program writes the encoding or the language before the words."""
