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
        name, _, value = (unquote(part) for part in parameter.partition("="))
        word = name.strip().lower()
        if word.startswith(_FILES):
            raise Impossible(
                f"An address may not name files or other addresses: take {name[:40]} out", code="CHANNEL_FILE"
            )
        if word == "verify" and value.strip().lower() in {"no", "n", "false", "0", "off", "never", "disable", "deny"}:
            raise Impossible("A certificate is always verified: take verify out", code="CHANNEL_VERIFY")
        if word in {"redirect", "redirects"}:
            raise Impossible("Redirects are not followed: take redirect out", code="CHANNEL_REDIRECT")
