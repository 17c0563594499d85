import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats import toml_reading
from vibforge.project.recipe import Mode, PathRule, PayloadRecipe, PayloadType, Recipe, VibType
from vibforge.project.recipe_reading import broken_rules, read_recipe, recipe_schema
from vibforge.project.recipe_writing import serialise, table
from vibforge.vib.descriptor import (
    HardwarePlatform,
    MaintenanceMode,
    SoftwarePlatform,
    SystemRequires,
    Url,
)
from vibforge.vib.identity import ReleaseDate
from vibforge.vib.relationships import Constraint, Provide, Relationships

MINIMAL = """\
name = "x"
version = "1.0-1"
[[payloads]]
name = "p"
tree = "tree"
"""

EVERYTHING = """\
name = "everything"
version = "1.0.0-1"
vendor = "ACME"
type = "locker"
summary = "one line"
description = "several\\nlines"
release-date = 2024-05-01T12:00:00Z
software-tags = ["driver", "module"]
acceptance-level = "VMwareAccepted"
live-install-allowed = false
live-remove-allowed = false
cimom-restart = true
stateless-ready = false
overlay = true

[urls]
home = "https://example.com/"

[relationships]
depends = ["esx-version >= 7.0", "vmkapi_2_6_0_0"]
conflicts = ["a"]
replaces = ["b << 2.0"]
provides = ["c = 1.0"]
compatible-with = ["d"]

[system-requires]
maintenance-mode = {on-install = true, on-remove = false}
hardware-platforms = [{vendor = "Dell Inc.", model = "R750"}, {vendor = "HPE"}]
software-platforms = [{version = "8.0"}]

[[payloads]]
name = "one"
tree = "trees/one"
type = "vgz"
boot-order = 100
vfat-name = "one.v00"
exclude = ["*.swp"]
outside-links = ["opt/x"]

[[payloads.rules]]
paths = ["etc/*"]
mode = "1644"
owner = 1
group = 2
"""


def problems(document: str, **settings: str) -> list[str]:
    with pytest.raises(ModelError) as caught:
        read_recipe(document, settings=settings)
    return [str(problem) for problem in caught.value.problems]


def test_a_minimal_recipe_has_defaults() -> None:
    assert read_recipe(MINIMAL) == Recipe(
        name="x", version="1.0-1", payloads=(PayloadRecipe(name="p", tree="tree"),)
    )


def test_every_key() -> None:
    assert read_recipe(EVERYTHING) == Recipe(
        name="everything",
        version="1.0.0-1",
        vendor="ACME",
        type=VibType.LOCKER,
        summary="one line",
        description="several\nlines",
        release_date=ReleaseDate.parse("2024-05-01T12:00:00Z"),
        urls=(Url(key="home", link="https://example.com/"),),
        relationships=Relationships(
            depends=(
                Constraint(name="esx-version", relation=">=", version="7.0"),
                Constraint(name="vmkapi_2_6_0_0"),
            ),
            conflicts=(Constraint(name="a"),),
            replaces=(Constraint(name="b", relation="<<", version="2.0"),),
            provides=(Provide(name="c", version="1.0"),),
            compatible_with=(Constraint(name="d"),),
        ),
        software_tags=("driver", "module"),
        system_requires=SystemRequires(
            maintenance_mode=MaintenanceMode(on_install=True),
            hardware_platforms=(
                HardwarePlatform(vendor="Dell Inc.", model="R750"),
                HardwarePlatform(vendor="HPE"),
            ),
            software_platforms=(SoftwarePlatform(version="8.0"),),
        ),
        acceptance_level=AcceptanceLevel.ACCEPTED,
        live_install_allowed=False,
        live_remove_allowed=False,
        cimom_restart=True,
        stateless_ready=False,
        overlay=True,
        payloads=(
            PayloadRecipe(
                name="one",
                tree="trees/one",
                type=PayloadType.VGZ,
                boot_order=100,
                vfat_name="one.v00",
                rules=(PathRule(paths=("etc/*",), mode=Mode(0o1644), owner=1, group=2),),
                exclude=("*.swp",),
                outside_links=("opt/x",),
            ),
        ),
    )


@pytest.mark.parametrize("document", [MINIMAL, EVERYTHING])
def test_a_written_recipe_is_read_as_the_same(document: str) -> None:
    recipe = read_recipe(document)
    assert read_recipe(serialise(recipe)) == recipe


def test_a_dollar_of_a_recipe_stays_one() -> None:
    recipe = read_recipe(MINIMAL + 'exclude = ["$${HOME}", "$x", "$$${y}"]\n', environment={})
    assert recipe.payloads[0].exclude == ("${HOME}", "$x", "$${y}")
    assert read_recipe(serialise(recipe), environment={}) == recipe


@pytest.mark.parametrize("document", [MINIMAL, EVERYTHING])
def test_the_schema_takes_what_the_reader_takes(document: str) -> None:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(table(read_recipe(document)), schema)


@pytest.mark.parametrize(
    "change",
    [
        'type = "driver"',
        'acceptance-level = "trusted"',
        "software-tags = 1",
        "software-tags = [1]",
        "overlay = 1",
        'live-install-allowed = "yes"',
        "summary = 5",
        "urls = ['x']",
        "urls = {a = 1}",
        "nam = 'x'",
        "system-requires = {maintenance-mode = 'no'}",
        "system-requires = {software-platforms = [{}]}",
        "relationships = {depends = 'a'}",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(change: str) -> None:
    problems(f"{change}\n{MINIMAL}")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(f"{change}\n{MINIMAL}"), recipe_schema())
    for key in ("name", "version"):
        document = {"name": "x", "version": "1-1"}
        del document[key]
        with pytest.raises(jsonschema.ValidationError, match="is a required property"):
            jsonschema.validate(document, recipe_schema())


def test_the_schema_tells_what_a_key_is_without_being_written() -> None:
    found = {name: key["default"] for name, key in keys_of(recipe_schema()) if "default" in key}
    assert found == {
        "vendor": "custom",
        "type": "tgz",
        "on-install": False,
        "on-remove": False,
        "config": False,
        "version-as-is": False,
        "product-line-id": "embeddedEsx",
        "acceptance-level": "community",
        "live-install-allowed": True,
        "live-remove-allowed": True,
        "cimom-restart": False,
        "stateless-ready": True,
        "overlay": False,
        "layout": "plain",
        "product": "embeddedEsx",
        "severity": "general",
        "category": "enhancement",
        "urgency": "important",
        "release-type": "extension",
    }
    assert recipe_schema()["properties"]["type"]["default"] == "bootbank"


def keys_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, key in schema.get("properties", {}).items():
        yield name, key
        for part in (key, key.get("items", {}), *key.get("anyOf", [])):
            yield from keys_of(part)


def test_the_schema_documents_every_key() -> None:
    undocumented = [name for name, key in keys_of(recipe_schema()) if not key.get("description")]
    assert undocumented == []


def test_all_problems_at_once_with_line_and_key() -> None:
    document = (
        'name = "a b"\n'
        'version = "1_0"\n'
        'vendr = "x"\n'
        'live-install-allowed = "yes"\n'
        "[relationships]\n"
        'depends = ["esx-version > 7.0"]\n'
        "[[payloads]]\n"
        'name = "sixteen-letters."\n'
        "rules = [\n"
        '  {paths = ["/etc"], mode = "99"},\n'
        "]\n"
    )
    found = [text.split("\n")[0] for text in problems(document)]
    assert found == [
        "vibforge.toml:3: vendr: unknown key `vendr`",
        "vibforge.toml:1: name: 'a b' is not a name",
        "vibforge.toml:2: version: '1_0' is not a VIB version",
        "vibforge.toml:6: relationships.depends[0]: 'esx-version > 7.0' is not a constraint",
        "vibforge.toml:4: live-install-allowed: is a text, but must be true or false",
        "vibforge.toml:8: payloads[0].name: the payload name 'sixteen-letters.' has 16 characters",
        (
            "vibforge.toml:10: payloads[0].rules[0].paths: '/etc' is not a pattern of paths in "
            "the tree"
        ),
        "vibforge.toml:10: payloads[0].rules[0].mode: '99' is not a file mode",
        "vibforge.toml:7: payloads[0]: the payload has neither `tree` nor `files`",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('summary = "a\\nb"', "has a line break"),
        ('description = "\\u0001"', "control character"),
        ('software-tags = [""]', "the text is empty"),
        ("software-tags = 1", "is a whole number, but must be an array"),
        ("software-tags = true", "is true or false, but must be an array"),
        ('acceptance-level = "trusted"', "not an acceptance level"),
        ("acceptance-level = 5", "is a number, but must be a text"),
        ('type = "driver"', "'driver' is none of bootbank, locker, meta"),
        ('release-date = "soon"', "not a release date"),
        ("overlay = 1", "is a whole number, but must be true or false"),
        ("urls = {'' = 'x'}", "a link needs a short name"),
        ("urls = ['x']", "is an array, but must be a table"),
        ("system-requires.maintenance-mode = 'no'", "is a text, but must be a table"),
        ("system-requires.hwplatform = []", "unknown key `hwplatform`"),
        (f"software-tags = ['{'x' * 256}']", "256 characters; the limit is 255"),
        (f"urls = {{{'x' * 256} = 'x'}}", "a link needs a short name"),
        ("signing.key = '-----BEGIN PRIVATE KEY-----'", "is a key or a certificate itself"),
    ],
)
def test_a_wrong_value(change: str, problem: str) -> None:
    found = problems(f"{change}\n{MINIMAL}")
    assert len(found) == 1
    assert problem in found[0]
    assert found[0].startswith("vibforge.toml:1: ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("boot-order = -1", "boot-order -1 is not between 0 and 2147483647"),
        ("boot-order = 2147483648", "boot-order 2147483648 is not between 0 and 2147483647"),
        ('vfat-name = "ninechars.v00"', "'ninechars.v00' is not an 8.3 file name"),
        ('vfat-name = "one.vibs"', "'one.vibs' is not an 8.3 file name"),
        ("rules = [{paths = ['etc'], owner = 2097152}]", "2097152 is not an id between 0 and"),
        ("rules = [{paths = ['etc'], group = -1}]", "-1 is not an id between 0 and 2097151"),
        ("rules = [{paths = ['etc'], mode = '10000'}]", "'10000' is not a file mode"),
        ("rules = [{paths = ['etc'], mode = '0x1a4'}]", "'0x1a4' is not a file mode"),
        ("rules = [{paths = ['etc'], mode = 644}]", "is a number, but must be a text"),
    ],
)
def test_a_wrong_value_of_a_payload(change: str, problem: str) -> None:
    (found,) = problems(MINIMAL + change)
    assert problem in found
    assert found.startswith("vibforge.toml:6: payloads[0].")


@pytest.mark.parametrize(
    "document",
    [
        MINIMAL + "boot-order = 0",
        MINIMAL + "boot-order = 2147483647",
        MINIMAL + 'vfat-name = "eightchr.v00"',
        MINIMAL + "rules = [{paths = ['etc'], owner = 2097151, group = 0}]",
        MINIMAL + "rules = [{paths = ['etc'], mode = '7777'}, {paths = ['opt'], mode = '0000'}]",
        MINIMAL.replace('"x"', f'"{"x" * 35}"').replace('"p"', f'"{"p" * 15}"'),
        f"software-tags = ['{'x' * 255}']\nurls.{'x' * 255} = ''\n" + MINIMAL,
    ],
    ids=["first", "last", "8.3", "ids", "modes", "names", "tag and key"],
)
def test_values_up_to_their_bounds(document: str) -> None:
    recipe = read_recipe(document)
    assert read_recipe(serialise(recipe)) == recipe


@pytest.mark.parametrize("name", [f"name = '{'x' * 36}'", f"payloads = [{{name = '{'p' * 16}'}}]"])
def test_names_beyond_their_bounds(name: str) -> None:
    key = name.partition(" ")[0]
    rest = {"name": 'version = "1-1"\ntype = "meta"', "payloads": 'name = "x"\nversion = "1-1"'}
    told = problems(f"{name}\n{rest[key]}")[0]
    assert f"has {36 if key == 'name' else 16} characters" in told
    assert f"use at most {35 if key == 'name' else 15}" in told


def test_one_word_for_both_ends_of_an_install() -> None:
    for word in (True, False):
        recipe = read_recipe(f"system-requires.maintenance-mode = {str(word).lower()}\n{MINIMAL}")
        found = recipe.system_requires.maintenance_mode
        assert found == MaintenanceMode(on_install=word, on_remove=word)


def test_a_document_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toml_reading, "SIZE_LIMIT", len(MINIMAL))
    assert read_recipe(MINIMAL).name == "x"
    (found,) = problems(MINIMAL + "#")
    assert f"{len(MINIMAL) + 1} characters; the limit is {len(MINIMAL)}" in found


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ("name = 'x'\nversion = 'one'", "1.2.0-1"),
        (
            "release-date = 'soon'",
            "write a time such as 2026-05-01T12:00:00+00:00, a date, or seconds since 1970",
        ),
        ("bundle.vendor-code = 'Unknown'", "write exactly three letters or digits, such as ABC"),
        ("vendor = 'a b'", "use letters, digits, dot, dash and underscore"),
        ("bundle.platforms = ['x']", "write 6.7.0, 7.0, 8.0, 9.0 or 8.*"),
        ("bundle.components = [{name = 'a', version = 'v1'}]", "write 1.2.0-1"),
        ("signing.key = ''", "name a file, env:NAME for a key in the environment, or a pkcs11:"),
    ],
)
def test_what_to_do_instead_is_said(change: str, remedy: str) -> None:
    document = MINIMAL.partition("[[")[2] if change.startswith("name") else MINIMAL
    prefix = "[[" if change.startswith("name") else ""
    with pytest.raises(ModelError) as caught:
        read_recipe(f"{change}\n{prefix}{document}")
    assert remedy in caught.value.problems[0].remedy


def test_payloads_with_one_name() -> None:
    found = problems(MINIMAL + '[[payloads]]\nname = "p"\ntree = "other"\n')
    assert [text.split("\n")[0] for text in found] == [
        "vibforge.toml:4: payloads[0].name: 2 payloads are named 'p'",
        "vibforge.toml:7: payloads[1].name: 2 payloads are named 'p'",
    ]


def test_no_payload() -> None:
    assert "there is no payload" in problems('name = "x"\nversion = "1-1"\n')[0]
    empty = problems('name = "x"\nversion = "1-1"\npayloads = []\n')
    assert empty[0].startswith("vibforge.toml:3: payloads: there is no payload")
    assert read_recipe('name = "x"\nversion = "1-1"\ntype = "meta"\n').payloads == ()


def test_broken_toml_is_told_with_its_line() -> None:
    assert "at line 2" in problems('name = "x"\nversion = \n')[0]


def test_nesting_without_end_is_refused() -> None:
    (told,) = problems(f"a = {'[' * 100_000}")
    assert told == "vibforge.toml: tables or arrays are nested more than 32 deep"


def test_variables_of_the_environment() -> None:
    document = MINIMAL.replace('"1.0-1"', '"${V}-${R:-7}"') + 'exclude = ["$${x}"]\n'
    recipe = read_recipe(document, environment={"V": "2.0"})
    assert recipe.version == "2.0-7"
    assert recipe.payloads[0].exclude == ("${x}",)
    with pytest.raises(ModelError, match="the environment has no V"):
        read_recipe(document, environment={})


def test_settings_go_over_the_document() -> None:
    recipe = read_recipe(
        MINIMAL,
        settings={
            "version": "2.0-1",
            "payloads[0].type": "vgz",
            "overlay": "true",
            "urls.home": "https://example.com",
            "software-tags": '["a", "b"]',
            "release-date": "1700000000",
        },
    )
    assert recipe.version == "2.0-1"
    assert recipe.payloads[0].type is PayloadType.VGZ
    assert recipe.overlay is True
    assert recipe.urls == (Url(key="home", link="https://example.com"),)
    assert recipe.software_tags == ("a", "b")
    assert recipe.release_date == ReleaseDate(1_700_000_000)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("version", "one", "--set version: 'one' is not a VIB version"),
        ("overlay", "perhaps", "--set overlay: is a text, but must be true or false"),
        ("payloads[9].type", "vgz", "--set payloads[9].type: no such key"),
        ("payloads[0]", "x", "--set payloads[0]: is a text, but must be a table"),
        ("name.x", "x", "no such key"),
        ("name.x.y", "x", "no such key"),
        ("payloads[1].name", "x", "no such key"),
        ("payloads[1]", "x", "no such key"),
        ("a b", "x", "no such key"),
        ("nam", "x", "did you mean name"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, problem: str) -> None:
    assert problem in problems(MINIMAL, **{name: value})[0]


@given(st.text(max_size=300))
def test_no_document_ends_in_a_traceback(document: str) -> None:
    try:
        read_recipe(document)
    except ModelError as error:
        assert error.problems  # noqa: PT017 - any other exception fails the test


toml_values = st.recursive(
    st.text(max_size=5) | st.integers(-9, 9) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "x", "mode", "on-install"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(st.sampled_from([*recipe_schema()["properties"]]), toml_values)
def test_no_value_ends_in_a_traceback(key: str, value: object) -> None:
    import tomli_w  # noqa: PLC0415 - only here

    document = tomli_w.dumps({"name": "x", "version": "1-1", key: value})
    try:
        read_recipe(document)
    except ModelError as error:
        assert error.problems  # noqa: PT017 - any other exception fails the test


@pytest.mark.parametrize("version", ["2.4.4", "8.045a-napi", "1", "v1-rc_1", "1" * 64])
def test_a_version_that_exists_stays_as_it_is(version: str) -> None:
    document = MINIMAL.replace("1.0-1", version)
    recipe = read_recipe(f"version-as-is = true\n{document}")
    assert recipe.version == version
    assert read_recipe(serialise(recipe)) == recipe
    assert read_recipe(document, settings={"version-as-is": "true"}) == recipe
    assert list(broken_rules(recipe)) == []


@pytest.mark.parametrize("version", ["", "1-1-1", "-1", "1-", "a/b", "1 2", "1" * 65, "${V}"])
def test_a_version_that_no_host_reads(version: str) -> None:
    document = f"version-as-is = true\n{MINIMAL.replace('1.0-1', version.replace('$', '$$'))}"
    (problem,) = problems(document)
    assert "is no version that hosts read" in problem
    recipe = Recipe(name="x", version=version, version_as_is=True, type=VibType.META)
    assert [path for path, _ in broken_rules(recipe)] == [("version",)]
