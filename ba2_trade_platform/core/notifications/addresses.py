"""Channel addresses: the services that may be used, and the parameters that may not, for Apprise acts on them."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from ba2_trade_platform.core.base.errors import Impossible, Invalid

MAX_URL = 2000
SERVICES = frozenset({"mailto", "mailtos", "tgram", "slack", "discord", "ntfy", "ntfys", "json", "jsons"})
_BETWEEN = re.compile(r"[?&;#]")  # of parameters, as Apprise divides them and more
# They name files of this machine, or addresses that Apprise would read besides.
_FILES = ("attach", "file", "keyfile", "pgp", "subfile", "template")
# Refused whatever their value: Apprise reads any word that it does not know as no. Eight channels with time-outs of a
# day would silence all others.
_SETTINGS = {
    "verify": ("A certificate is always verified: take verify out", "CHANNEL_VERIFY"),
    "redirect": ("Redirects are not followed: take redirect out", "CHANNEL_REDIRECT"),
    "redirects": ("Redirects are not followed: take redirects out", "CHANNEL_REDIRECT"),
    "rto": ("How long an answer is waited for is the console's: take rto out", "CHANNEL_TIMEOUT"),
    "cto": ("How long an answer is waited for is the console's: take cto out", "CHANNEL_TIMEOUT"),
}


def check_address(url: str, services: Collection[str] = ()) -> None:
    """Raise Invalid with a sentence for an address that must not be used; `services` are allowed besides the usual."""
    if "://" not in url:
        raise Invalid("An address begins with its service, such as mailtos://, tgram:// or json://")
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise Impossible(f"An address has no spaces, and {MAX_URL:,} characters at most")
    service = url.partition("://")[0].lower()
    if service not in SERVICES and service not in services:
        known = ", ".join(sorted({*SERVICES, *services}))
        raise Impossible(
            f"An address of {service[:40]}:// is not taken: {known} are; BA2_CHANNEL_SERVICES adds others of Apprise's",
            code="CHANNEL_SERVICE",
        )
    for parameter in _BETWEEN.split(url.partition("?")[2]):
        word = _as_apprise_reads(parameter.partition("=")[0])
        if word.startswith(_FILES):
            raise Impossible(
                f"An address may not name files or other addresses: take {word[:40]} out", code="CHANNEL_FILE"
            )
        if word in _SETTINGS:
            sentence, code = _SETTINGS[word]
            raise Impossible(sentence, code=code)


def _as_apprise_reads(name: str) -> str:
    """Return a parameter's name: a + is a blank in it, but in front, where it makes a header of it."""
    return unquote(name[:1] + name[1:].replace("+", " ")).strip().lower()
