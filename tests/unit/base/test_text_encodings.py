"""Text encodings: a certain one is read, likely ones are offered with samples, and none is guessed in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.text_encodings import (
    ENCODINGS,
    MOST_BYTES,
    decoded,
    misread,
    misread_words,
    refuse_uncertain,
)

NAMES = {
    "gb18030": "贵州茅台,五粮液,中国平安",
    "shift-jis": "トヨタ自動車,ソニーグループ",
    "windows-1250": "KGHM Polska Miedź,Orlen Spółka Łódź",
    "windows-1251": "Сбербанк,Газпром",
    "windows-1252": "Größe,Société Générale",
    "windows-1256": "أرامكو السعودية",
}
OTHERS = {
    "big5": "台積電,鴻海",
    "euc-kr": "삼성전자,카카오",
    "euc-jp": "トヨタ自動車",
    "windows-1253": "Οργανισμός Τηλεπικοινωνιών",
    "windows-1254": "Türk Hava Yollar\u0131,Şişecam",
    "windows-1255": "טבע",
    "windows-1257": "Tallinna Sadam Õige ŠĶž",
}


def file_of(names: str, encoding: str) -> bytes:
    rows = "".join(f"S{place},{name}\r\n" for place, name in enumerate(names.split(",")))
    return f"symbol,name\r\n{rows}".encode(ENCODINGS[encoding])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso2022_jp"])
def test_what_tells_its_encoding_is_read_without_a_question(encoding: str) -> None:
    text = "symbol;name\r\n7203.T;トヨタ\r\n"
    found = decoded(text.encode(encoding))
    assert (found.text, found.is_certain, found.candidates) == (text, True, ())
    refuse_uncertain(found)


@pytest.mark.parametrize("encoding", NAMES)
def test_the_likeliest_encoding_is_assumed_and_shown_with_a_sample(encoding: str) -> None:
    found = decoded(file_of(NAMES[encoding], encoding))
    assert (found.encoding, found.is_certain) == (encoding, False)
    assert found.candidates[0].sample == NAMES[encoding].replace(",", ", ")
    assert len({one.sample for one in found.candidates}) > 1


@pytest.mark.parametrize("encoding", [*NAMES, *OTHERS])
def test_every_encoding_is_offered_refused_unasked_and_read_when_chosen(encoding: str) -> None:
    names = (NAMES | OTHERS)[encoding]
    data = file_of(names, encoding)
    found = decoded(data)
    assert names.replace(",", ", ") in [one.sample for one in found.candidates]
    with pytest.raises(Invalid, match="choose its encoding, or save it as CSV in UTF-8") as refused:
        refuse_uncertain(found)
    assert refused.value.code == "ENCODING_UNCERTAIN"
    chosen = decoded(data, encoding)
    assert (names.split(",")[0] in chosen.text, chosen.is_certain) == (True, True)
    refuse_uncertain(chosen)


@pytest.mark.parametrize(
    ("data", "encoding", "sentence"),
    [
        (b"a\x00b", None, "is no text"),
        (b"\xff\xfea", None, "is no text"),
        (b"x" * (MOST_BYTES + 1), None, "5,000,000 at most: part it"),
        (bytes(range(256)), None, "is no text"),
        (b"PK\x03\x04workbook", None, "but a workbook: save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1", None, "but a workbook: save it as CSV"),
        (b"%PDF-1.7", None, "but a PDF: save it as CSV"),
        (b" <!DOCTYPE html><table>", None, "is a web page, not CSV"),
        (b"symbol\nA\xe9\n", "utf-8", "The file is not utf-8: line 2 is no such text"),
        (b"symbol\nA", "ebcdic", "ebcdic is no encoding: utf-8, utf-16"),
        (b"symbol,x", "utf-16be", "."),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, encoding: str | None, sentence: str) -> None:
    if sentence == ".":
        assert decoded(data, encoding).text == "\u7379\u6d62\u6f6c\u2c78"
        return
    with pytest.raises(Invalid, match=sentence):
        decoded(data, encoding)


@given(st.binary(max_size=200), st.none() | st.sampled_from([*ENCODINGS]))
def test_any_bytes_are_read_or_refused_with_a_sentence(data: bytes, encoding: str | None) -> None:
    try:
        found = decoded(data, encoding)
    except Invalid as refused:
        found = None
        sentence = str(refused)
    assert found or sentence
    if found is None:
        return
    assert "\x00" not in found.text
    if encoding is None and not found.is_certain:
        assert found.text == decoded(data, found.encoding).text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1b\ufeff"), max_size=80))
def test_utf_8_is_never_asked_about_nor_changed(text: str) -> None:
    try:
        found = decoded(text.encode())
    except Invalid as refused:
        sentence = str(refused)
    else:
        sentence = ""
    assert not sentence or any(word in sentence for word in ("workbook", "PDF", "web page"))
    if not sentence:
        assert (found.text, found.encoding, found.is_certain) == (text, "utf-8", True)


@pytest.mark.parametrize(
    ("stored", "meant"),
    [
        ("\xb9\xf3\xd6\xdd\xc3\xa9\xcc\xa8", "贵州茅台"),
        ("\xce\xe5\xc1\xb8\xd2\xba", "五粮液"),
        ("Orlen Sp\xf3\xb3ka \xa3\xf3d\u0178", "Orlen Spółka Łódź"),
        ("KGHM Polska Mied\u0178", "KGHM Polska Miedź"),
        ("Fran\xc3\xa7ais", "Français"),
        ("\xd1\xe1\xe5\xf0\xe1\xe0\xed\xea", "Сбербанк"),
    ],
)
def test_a_stored_name_that_was_read_wrongly_is_named_with_what_it_meant(stored: str, meant: str) -> None:
    assert misread(stored) == meant
    assert f"perhaps {meant}" in misread_words(stored)


@pytest.mark.parametrize(
    "name",
    """Apple Inc.|Société Générale|Größe AG|Nestlé|Türk Hava Yollar\u0131|L'Oréal|Mærsk|Ørsted|SÃO PAULO|CITROËN
    |ÖMV|AT&T £5
    |Crédit Agricole S.A. (2ª)
    |Ünye Çimento|贵州茅台|トヨタ自動車|Сбербанк|Łódź""".replace("\n    ", "").split("|"),
)
def test_a_name_that_is_right_is_left_in_peace(name: str) -> None:
    assert misread_words(name) == ""


def test_a_lost_sign_is_named() -> None:
    assert "a sign of it is lost" in misread_words("Gr\ufffd\ufffde")
