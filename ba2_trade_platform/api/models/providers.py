"""Model provider endpoints: settings, write-only keys, and a test of each."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, SecretStr

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import SOME_LETTER, Flag, Number, RowId, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.contracts.model_checks import ConnectionTest
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.models.adaptations import ForgottenAdaptations
from ba2_trade_platform.core.models.dialect_rules import HEADER_LIMIT, MOST_HEADERS, WINDOW
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.core.models.provider_rules import LIMITS
from ba2_trade_platform.core.models.providers import MAX_KEY
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

router = APIRouter(prefix="/providers", tags=["providers"])
A_NAME = r"^[a-z0-9-]{1,80}$"
Name = Annotated[str, Path(max_length=80, pattern=A_NAME, description="The provider's name")]
Model = Annotated[str, Field(min_length=1, max_length=200, examples=["gpt-5-mini"]), said(pattern=SOME_LETTER)]


Window = Annotated[Number, said(minimum=WINDOW[0], maximum=WINDOW[1])]
HeaderValue = Annotated[str, said(pattern=rf"^(?=.{{1,{HEADER_LIMIT}}}$)[!-~]([ -~]*[!-~])?$")]
OF_MODELS = said(propertyNames={"minLength": 1, "maxLength": 200, "pattern": SOME_LETTER})


def _limits(name: str) -> Any:
    low, high = LIMITS[name]
    return said(minimum=low, maximum=high)


class DialectChanges(RequestBody):
    """The fields of a dialect that are said otherwise; absent: as the dialect says."""

    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning_back: Annotated[Flag, Field(description="Thoughts go back with a tool's result")] = False
    reasoning_beside: Annotated[Flag, Field(description="Tokens of thinking are counted beside the answer's")] = False
    tools: Annotated[Flag, Field(description="It may be given tools")] = True
    tool_choice: ToolChoice = ToolChoice.NAMED
    structured: StructuredMethod = StructuredMethod.FUNCTION_CALLING
    temperature: Annotated[Flag, Field(description="It may be given a temperature")] = True
    usage: UsageForm = UsageForm.ASKED
    window: Annotated[Window | None, Field(description="Tokens that all its models hold; null: not known")] = None
    headers: Annotated[
        dict[str, HeaderValue],
        Field(max_length=MOST_HEADERS, description="Sent with each request; {key} stands for the API key"),
        said(propertyNames={"pattern": "^[A-Za-z0-9-]{1,80}$"}),
    ] = {}


class Fields(RequestBody):
    """What a provider may be given; absent: as it is, or the default."""

    enabled: Flag = True
    base_url: Annotated[
        str | None,
        Field(max_length=500, description="http or https; empty or null is the vendor's own address"),
        said(pattern=r"^(\s*|\s*[Hh][Tt][Tt][Pp][Ss]?://[\s\S]*)$"),
    ] = None
    dialect: Annotated[
        str | None,
        Field(max_length=40, description="A preset of /dialects; null is the usual one of its kind and address"),
        said(pattern=rf"^({'|'.join(['', *BY_NAME])})$"),
    ] = None
    dialect_changes: Annotated[
        DialectChanges | None, Field(description="Where this server differs from its dialect; null takes all back")
    ] = None
    structured: Annotated[
        dict[str, StructuredMethod] | None,
        Field(max_length=100, description="The structured-output method of models by name"),
        OF_MODELS,
    ] = None
    windows: Annotated[
        dict[str, Window] | None, Field(max_length=100, description="Tokens that models hold, by name"), OF_MODELS
    ] = None
    requests_per_minute: Annotated[
        Number | None, Field(description="null is no limit"), _limits("requests_per_minute")
    ] = None
    tokens_per_minute: Annotated[Number | None, Field(description="null is no limit"), _limits("tokens_per_minute")] = (
        None
    )
    concurrency: Annotated[Number, Field(description="Calls at once"), _limits("concurrency")] = 8
    key: Annotated[
        SecretStr | None,
        Field(description="The API key: stored encrypted, never shown; null removes the stored one"),
        said(pattern=rf"^\s*[!-~]{{1,{MAX_KEY}}}\s*$"),
    ] = None


class NewProvider(Fields):
    """A provider to be added."""

    name: Annotated[str, Field(max_length=80, examples=["my-server"]), said(pattern=A_NAME)]
    kind: ProviderKind
    quick_model: Model
    deep_model: Model


class ChangedProvider(Fields):
    """What to change. With `version`, it is refused when somebody else has changed the provider since."""

    quick_model: Model = ""
    deep_model: Model = ""
    version: RowId | None = None


class OfModel(RequestBody):
    """Which model; absent: all of the provider's."""

    model: Model | None = None


class TestBody(RequestBody):
    """Which model to ask; absent: the quick one."""

    model: Model | None = None


@router.get("")
def providers(console: Console) -> Items[Provider]:
    """Return the model providers in the order in which they are shown."""
    return Items(items=console.models.providers.list())


@router.post("", status_code=201, responses=documented(409))
def add_provider(body: NewProvider, console: Console, asker: Asker) -> Provider:
    """Add a provider: another OpenAI-compatible server, for example."""
    return console.models.providers.create(body.name, body.kind, by=asker, **body.sent("name", "kind"))


@router.get("/{name}", responses=documented(404))
def provider(name: Name, console: Console) -> Provider:
    """Return one provider."""
    return console.models.providers.get(name)


@router.patch("/{name}", responses=documented(404, 409))
def change_provider(name: Name, body: ChangedProvider, console: Console, asker: Asker) -> Provider:
    """Change what is given; a stored key is dropped when the address becomes another server's."""
    return console.models.providers.change(name, by=asker, version=body.version, **body.sent("version"))


@router.delete("/{name}", status_code=204, responses=documented(404))
def remove_provider(name: Name, console: Console, asker: Asker) -> None:
    """Forget a provider and its key."""
    console.models.providers.remove(name, by=asker)


@router.post("/{name}/reset", responses=documented(404, 409))
def reset_provider(name: Name, console: Console, asker: Asker) -> Provider:
    """Give one of the first providers its first models, limits and address again; its key stays."""
    return console.models.providers.reset(name, by=asker)


@router.post("/{name}/forget-adaptations", responses=documented(404))
def forget_adaptations(name: Name, console: Console, asker: Asker, body: OfModel | None = None) -> ForgottenAdaptations:
    """Ask its models as their dialect says again, whatever they were seen to refuse."""
    return console.models.providers.forget_adaptations(name, body.model if body else None, by=asker)


@router.post("/{name}/test", responses=documented(404))
def try_provider(name: Name, console: Console, asker: Asker, body: TestBody | None = None) -> ConnectionTest:
    """Try text, a tool, a structured answer, a cancel and the window; a failure is an answer too, with `ok` false."""
    return console.models.gateway.test(name, body.model if body else None, by=asker)
