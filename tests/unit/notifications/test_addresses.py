"""Channel addresses: the services that may be used, and the parameters that are refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.notifications.addresses import SERVICES, check_address
from ba2_trade_platform.core.notifications.rendering import Text
from ba2_trade_platform.core.notifications.sender import EXAMPLES, LOOSENED, AppriseSender


def test_what_the_page_shows_is_allowed() -> None:
    for _, example in EXAMPLES:
        check_address(example.partition(",")[0])
    assert {example.partition("://")[0] for _, example in EXAMPLES} <= SERVICES


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://user:word@example.com?smtp=mail.example.com&to=desk@example.com", "tgram://123456789:abcdefg_hij/123",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#desk", "ntfys://ntfy.sh/topic", "jsons://example.com/x",
        "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz",
    ],
)  # fmt: skip
def test_every_usual_service_connects_as_the_console_wants(url: str) -> None:
    assert url.partition("://")[0] in AppriseSender().hint(url)


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
        "verify=disabled", "verify=nope", "verify=K", "verify=%256eo", "verify=yes", "verify", "verify+=no",
        "redirect+=yes", "%20+redirect=yes", "redirect%20+=yes", "REDIRECT++=1", "template+=x",
        "rto=100000", "cto=100000", "r%74o+=100000",
        "to=a@example.com&template=x", "to=a@example.com;template=x", "x#template=x", "a?template=x", " template =x",
    ],
)  # fmt: skip
def test_a_parameter_that_names_files_or_lets_in_others_is_refused(parameter: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_address(f"mailtos://user:pass@example.com?{parameter.replace(' ', '%20')}")
    assert str(refused.value.code).startswith("CHANNEL_")


def test_ordinary_parameters_pass() -> None:
    check_address("mailtos://user:pass@example.com?smtp=mail.example.com&to=desk@example.com&from=me&format=text")
    check_address("json://127.0.0.1:8080/hook?+X-Token=abcdef&+verify=no&method=POST")


@given(st.text(max_size=300).filter(lambda text: text.partition("://")[0].lower() not in SERVICES))
def test_nothing_else_passes(text: str) -> None:
    with pytest.raises(Invalid, match="address"):
        check_address(text)


@given(
    st.sampled_from(["template", "keyfile", "pgpkey", "verify", "redirect", "rto", "cto"]),
    st.sampled_from("?&;#"),
    st.text(max_size=40),
    st.sampled_from(["", "+", "%20", "++", "%20+", "+%09"]),
)
def test_however_it_is_spelled_and_whatever_stands_around_it(name: str, between: str, before: str, after: str) -> None:
    spelled = "".join(f"%{ord(letter):02x}" for letter in name)
    with pytest.raises(Invalid):
        check_address(f"mailtos://user:pass@example.com?{quote(before)}{between}{spelled}{after}=no")


@given(
    st.lists(
        st.sampled_from(
            ["verify", "redirect", "rto", "cto", "+", "%2b", "%20", "=", "&", ";", "?", "#", "n", "yes", "1"]
        ),
        max_size=12,
    ).map("".join)
)
def test_apprise_makes_of_no_address_that_passes_what_is_refused(parameters: str) -> None:
    from apprise import Apprise

    url = f"json://127.0.0.1/hook?{parameters}"
    try:
        check_address(url)
    except Invalid:
        return
    service = Apprise.instantiate(url)
    assert service is None or (service.verify_certificate and service.redirects), "as they are where nothing is said"
    assert service is None or (service.socket_read_timeout, service.socket_connect_timeout) == (4.0, 4.0)


@pytest.mark.parametrize("setting", ["verify", "redirect", "rto", "cto"])
def test_a_service_that_loosens_the_connection_by_itself_is_not_used(setting: str) -> None:
    from apprise.manager_plugins import NotificationManager
    from apprise.plugins.custom_json import NotifyJSON

    class Loose(NotifyJSON):  # type: ignore[misc]  # Apprise has no types
        protocol = secure_protocol = "loose"

        @staticmethod
        def parse_url(url: str) -> Any:
            values = NotifyJSON.parse_url(url)
            return values and values | {setting: {"verify": False, "redirect": True}.get(setting, 100_000)}

    manager = NotificationManager()
    manager.add(Loose)
    try:
        sender = AppriseSender(services=["loose"])
        with pytest.raises(Invalid) as refused:
            sender.hint("loose://127.0.0.1:1/hook")
        assert refused.value.code == "CHANNEL_SETTING"
        assert sender.send("loose://127.0.0.1:1/hook", Text("Title", "Body")).sentence == LOOSENED
    finally:
        manager.remove("loose")
