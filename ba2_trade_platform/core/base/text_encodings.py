"""Text encodings: read a file's bytes where it is certain how, else offer each likely encoding with a sample."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ba2_trade_platform.core.base.errors import Impossible, Invalid

MOST_BYTES = 5_000_000
# By the name that a person chooses; the more common first. Values are Python's codecs.
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "gb18030": "gb18030",
    "shift-jis": "cp932",
    "big5": "cp950",
    "euc-kr": "cp949",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "windows-1257": "cp1257",
    "windows-1258": "cp1258",
}
_UNICODE = ("utf-8", "utf-16", "utf-16le", "utf-16be")
_LEGACY = tuple(name for name in ENCODINGS if name not in (*_UNICODE, "iso-2022-jp"))
_CERTAIN_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORD = re.compile(r"[^\W\d_]+")
_RARE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff]")  # what no text has: controls, private signs
# Signs that stand in the midst of a word only when its letters were read for others.
_SIGNS = "\xb9\xb2\xb3\xa3\xa5\xa4\xa2\xac\xaf\xb1\xbc\xbd\xbe\xa1\xb8\xa6\xb6\xf7\xd7\u2021\u2020\u2030"
_STRAY = re.compile(rf"(?<=[^\W\d_])[{_SIGNS}\xa7\xa8\xaa\xba\xbf]|[{_SIGNS}](?=[^\W\d_])")
_EAST = ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
SAMPLE = 60


@dataclass(frozen=True)
class Candidate:
    """An encoding that a file may have, and how the first of its words that tell would read then."""

    encoding: str
    sample: str


@dataclass(frozen=True)
class DecodedText:
    """A file's text. `is_certain`: by its mark, by its form, or because a person said so; else `candidates` are."""

    text: str
    encoding: str
    is_certain: bool
    candidates: tuple[Candidate, ...] = ()


def decoded(data: bytes, encoding: str | None = None) -> DecodedText:
    """Return a file's text in a chosen encoding, or in the one it has or most likely has. Raises Invalid."""
    if len(data) > MOST_BYTES:
        raise Impossible(f"The file has {len(data):,} bytes, {MOST_BYTES:,} at most: part it", code="FILE_TOO_LARGE")
    _refuse_workbook(data)
    if encoding is not None:
        return DecodedText(_as_chosen(data, encoding), encoding, is_certain=True, candidates=_candidates(data))
    certain = _certain(data)
    if certain is not None:
        return DecodedText(certain[0], certain[1], is_certain=True)
    if found := _candidates(data):
        first = found[0].encoding
        return DecodedText(_decode(data, first) or "", first, is_certain=False, candidates=found)
    raise Impossible("The file is no text: save it as CSV in UTF-8", code="FILE_UNREADABLE")


def refuse_uncertain(found: DecodedText) -> None:
    """Raise Impossible unless it is certain how the text is to be read: who writes it down has to choose."""
    if not found.is_certain:
        offers = "; ".join(f"{one.encoding}: {one.sample}" for one in found.candidates[:5])
        sentence = f"The file is not UTF-8: choose its encoding, or save it as CSV in UTF-8. It may be {offers}"
        raise Impossible(sentence, code="ENCODING_UNCERTAIN")


def certain_text(data: bytes) -> str:
    """Return a file's text where it is certain how to read it. Raises Invalid or Impossible."""
    found = decoded(data)
    refuse_uncertain(found)
    return found.text


def misread_words(name: str) -> str:
    """Return a hint for a name that was most likely read in a wrong encoding, empty for one that looks right."""
    meant = misread(name)
    if meant is None:
        return ""
    words = f"perhaps {meant}" if meant else "a sign of it is lost"
    return f"{name[:60]} looks read in a wrong encoding ({words}): import it again with its own, or correct it"


def misread(text: str) -> str | None:
    """Return what a stored name most likely said before it was read in a wrong encoding, None when it looks right."""
    if text.isascii():
        return None
    if "\ufffd" in text:
        return ""
    try:
        data = text.encode("cp1252", "strict")
    except UnicodeEncodeError:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if _plausible(text, "windows-1252") >= 1:
        return None
    better = [one for one in _candidates(data) if _plausible(_decode(data, one.encoding) or "", one.encoding) >= 1]
    return _decode(data, better[0].encoding) if better else None


def _refuse_workbook(data: bytes) -> None:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        kind = "a PDF" if data.startswith(b"%PDF") else "a workbook"
        raise Impossible(f"The file is no text but {kind}: save it as CSV in UTF-8", code="FILE_UNREADABLE")
    if re.match(rb"\s*<(?:!doctype|html|table|\?xml)\b", data[:200], re.IGNORECASE):
        raise Impossible("The file is a web page, not CSV: save it as CSV in UTF-8", code="FILE_UNREADABLE")


def _as_chosen(data: bytes, encoding: str) -> str:
    if encoding not in ENCODINGS:
        raise Invalid(f"{encoding[:40]} is no encoding: {', '.join(ENCODINGS)}", code="ENCODING_UNKNOWN")
    try:
        text = data.decode(ENCODINGS[encoding]).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Impossible(f"The file is not {encoding}: line {line} is no such text", code="ENCODING_WRONG") from error
    if "\x00" in text:
        raise Impossible(f"The file is not {encoding}: it would be no text", code="ENCODING_WRONG")
    return text


def _certain(data: bytes) -> tuple[str, str] | None:
    for mark, encoding in _CERTAIN_MARKS:
        if data.startswith(mark):
            text = _decode(data, encoding)
            return (text, encoding) if text is not None else None
    if b"\x00" in data[:4_000]:
        zeros = [place % 2 for place, byte in enumerate(data[:4_000]) if byte == 0]
        for parity, encoding in ((1, "utf-16le"), (0, "utf-16be")):
            if zeros.count(parity) > 9 * zeros.count(1 - parity) and (text := _decode(data, encoding)) is not None:
                return text, encoding
        return None
    if re.search(rb"\x1b\$[@B]", data):
        text = _decode(data, "iso-2022-jp")
        return (text, "iso-2022-jp") if text is not None else None
    text = _decode(data, "utf-8")
    return (text, "utf-8") if text is not None else None


def _decode(data: bytes, encoding: str) -> str | None:
    """Return the text, None when it is none in this encoding."""
    try:
        text = data.decode(ENCODINGS[encoding]).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _candidates(data: bytes) -> tuple[Candidate, ...]:
    """Return what the bytes may be, the likeliest first; encodings in which they read the same stand once."""
    if b"\x00" in data or data.isascii() or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ()
    texts: dict[str, str] = {}
    for encoding in _LEGACY:
        text = _decode(data, encoding)
        if text is not None and not _RARE.search(text) and text not in texts:
            texts[text] = encoding
    order = {text: -_plausible(text, encoding) for text, encoding in texts.items()}
    return tuple(Candidate(texts[text], _sample(text)) for text in sorted(order, key=lambda text: order[text]))


def _sample(text: str) -> str:
    """Return the first cells that are not of ASCII alone."""
    cells = (cell.strip(" \"'") for line in text.splitlines() for cell in re.split(r"[,;\t|]", line))
    telling = list(dict.fromkeys(cell for cell in cells if not cell.isascii()))
    return ", ".join(telling[:3])[:SAMPLE]


def _plausible(text: str, encoding: str) -> float:
    """Return from 0 to 1 how much of the telling words look like words of a language; 1: every one."""
    words = [word for word in _WORD.findall(text[:20_000]) if not word.isascii()]
    stray = len(_STRAY.findall(text[:20_000]))
    clean = sum(_is_word(word, encoding) for word in words)
    return clean / (len(words) + stray) if words or stray else 1.0


def _is_word(word: str, encoding: str) -> bool:
    scripts = set(_scripts(word))
    if scripts & {"CJK", "HIRAGANA", "KATAKANA"}:
        return not scripts - set(_EAST) - {"LATIN"} and _is_common(word, encoding)
    if len(scripts) != 1:
        return False
    if scripts == {"HANGUL"}:
        return _is_common(word, encoding)
    if word[1:] != word[1:].lower() and word != word.upper():
        return False
    odd = sum(not sign.isascii() for sign in word)
    return scripts != {"LATIN"} or 4 * odd <= 3 * len(word) or len(word) < 3


def _is_common(word: str, encoding: str) -> bool:
    """Tell whether the signs of an East Asian word are among the common ones of its encoding."""
    for sign in word:
        data = sign.encode(ENCODINGS[encoding], "replace")
        if len(data) == 2 and not _COMMON[encoding](data[0]):
            return False
        if len(data) > 2 or (len(data) == 1 and not sign.isascii()):
            return False
    return True


_COMMON = {
    "gb18030": lambda lead: 0xB0 <= lead <= 0xD7 or lead == 0xA3,
    "shift-jis": lambda lead: 0x81 <= lead <= 0x97,
    "big5": lambda lead: 0xA4 <= lead <= 0xC6,
    "euc-kr": lambda lead: 0xB0 <= lead <= 0xC8 or lead == 0xA3,
    "euc-jp": lambda lead: 0xA4 <= lead <= 0xCF,
}


def _scripts(word: str) -> Iterator[str]:
    for sign in word:
        yield unicodedata.name(sign, "UNKNOWN").split()[0]
