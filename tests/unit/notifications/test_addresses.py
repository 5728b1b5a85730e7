"""Channel addresses: the services that may be used, and the parameters that are refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.notifications.addresses import SERVICES, check_address
from ba2_trade_platform.core.notifications.sender import EXAMPLES


def test_what_the_page_shows_is_allowed() -> None:
    for _, example in EXAMPLES:
        check_address(example.partition(",")[0])
    assert {example.partition("://")[0] for _, example in EXAMPLES} <= SERVICES


@pytest.mark.parametrize(
    "service",
    ["file", "syslog", "dbus", "windows", "macosx", "gnome", "xml", "form", "apprise", "http", "https", "mqtt", "smb"],
)
def test_a_service_that_nobody_allowed_is_refused(service: str) -> None:
    with pytest.raises(Invalid, match=f"An address of {service}:// is not taken") as refused:
        check_address(f"{service}://somewhere/else")
    assert refused.value.code == "CHANNEL_SERVICE"
    check_address(f"{service}://somewhere/else", services=[service])


@pytest.mark.parametrize(
    "parameter",
    [
        "template=/etc/passwd", "TEMPLATE=x", "%74emplate=x", "keyfile=/root/.ssh/id", "subfile=/etc/shadow",
        "pgp=yes", "pgpkey=/etc/hostname", "file_url=http://10.0.0.7/", "attach-as=x", "attach=file:///etc/passwd",
        "verify=no", "verify=No", "verify=False", "verify=0", "%76erify=%6eo", "redirect=yes", "redirects=5",
        "to=a@example.com&template=x", "to=a@example.com;template=x", "x#template=x", "a?template=x", " template =x",
    ],
)  # fmt: skip
def test_a_parameter_that_names_files_or_lets_in_others_is_refused(parameter: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_address(f"mailtos://user:pass@example.com?{parameter.replace(' ', '%20')}")
    assert str(refused.value.code).startswith("CHANNEL_")


def test_ordinary_parameters_pass() -> None:
    check_address("mailtos://user:pass@example.com?smtp=mail.example.com&to=desk@example.com&from=me&format=text")
    check_address("json://127.0.0.1:8080/hook?+X-Token=abcdef&verify=yes&method=POST")


@given(st.text(max_size=300).filter(lambda text: text.partition("://")[0].lower() not in SERVICES))
def test_nothing_else_passes(text: str) -> None:
    with pytest.raises(Invalid, match="address"):
        check_address(text)


@given(st.sampled_from(["template", "keyfile", "pgpkey", "verify"]), st.sampled_from("?&;#"), st.text(max_size=40))
def test_however_it_is_spelled_and_whatever_stands_before_it(name: str, between: str, before: str) -> None:
    spelled = "".join(f"%{ord(letter):02x}" for letter in name)
    with pytest.raises(Invalid):
        check_address(f"mailtos://user:pass@example.com?{quote(before)}{between}{spelled}=no")
