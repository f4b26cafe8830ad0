"""The JSON Schema is the one the models make; editors with it accept what we accept and refuse typing errors."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from zkops import ROOT
from zkops.docgen.schema import schema, text

FILE = ROOT / "docs" / "cluster.schema.json"


@pytest.fixture
def shipped() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    return data


def test_the_file_is_current(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        FILE.write_text(text(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == text(), "run this test with --update-golden"


def test_the_shipped_description_names_it_and_is_valid(shipped: dict[str, Any]) -> None:
    first = (ROOT / "cluster.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/cluster.schema.json"
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(shipped)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(machine=[]),
        lambda data: data["registry"].update(domian="x"),
        lambda data: data["machines"][0].update(role="leader"),
        lambda data: data["machines"][0].pop("ip"),
        lambda data: data.pop("name"),
        lambda data: data.update(ports={"client": 70000}),
        lambda data: data.update(machines=[]),
        lambda data: data.update(metrics={"set": "some"}),
        lambda data: data.update(log={"loggers": {"org.apache.zookeeper": "LOUD"}}),
        lambda data: data.update(image={"distribution": "apache", "apache": {"url": "https://x.example/a"}}),
        lambda data: data.update(zoo_cfg={"metricsProvider.httpPort": 7001}),
        lambda data: data.update(directory="/"),
        lambda data: data.update(zoo_cfg={"dataDir": "/data"}),
        lambda data: data.update(zoo_cfg={"server.1": "a:1:2"}),
        lambda data: data.update(zoo_cfg={"tickTime": [1]}),
    ],
)
def test_it_refuses(change: Callable[[dict[str, Any]], object], shipped: dict[str, Any]) -> None:
    change(shipped)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(shipped)


def test_settings_are_offered_and_others_allowed(shipped: dict[str, Any]) -> None:
    shipped["zoo_cfg"] = {"autopurge.purgeInterval": 2, "leaderServes": "no", "my.plugin": True}
    jsonschema.Draft202012Validator(schema()).validate(shipped)
    offered = json.loads(text())["properties"]["zoo_cfg"]["properties"]
    assert "dataDir" in offered
    assert len(offered) > 200


def test_every_field_is_described() -> None:
    assert [name for name, described in _fields(schema()) if not described] == []


def _fields(made: dict[str, Any]) -> Iterator[tuple[str, str]]:
    models = made["$defs"]
    for model in (made, *models.values()):
        for name, field in model.get("properties", {}).items():
            # A description that is the model's own stands there alone.
            referred = models.get(str(field.get("$ref")).rsplit("/", 1)[-1], {})
            yield f"{model['title']}.{name}", field.get("description") or referred.get("description", "")
