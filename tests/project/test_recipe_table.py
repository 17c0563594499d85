from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.project.recipe import PayloadRecipe, PayloadType, Recipe, VibType
from vibforge.project.recipe_reading import read_table
from vibforge.project.recipe_writing import table_of
from vibforge.vib.descriptor import (
    Descriptor,
    HardwarePlatform,
    MaintenanceMode,
    Payload,
    SoftwarePlatform,
    SystemRequires,
    Url,
)
from vibforge.vib.identity import ReleaseDate
from vibforge.vib.relationships import Constraint, Provide, Relationships

RELATIONSHIPS = Relationships(
    depends=(Constraint(name="a", relation=">=", version="1.0"),),
    conflicts=(Constraint(name="b"),),
    replaces=(Constraint(name="c", relation="<<", version="2.0"),),
    provides=(Provide(name="d", version="1.0"),),
    compatible_with=(Constraint(name="e"),),
)
REQUIRES = SystemRequires(
    maintenance_mode=MaintenanceMode(on_install=True),
    hardware_platforms=(HardwarePlatform(vendor="Dell Inc.", model="R750"),),
    software_platforms=(
        SoftwarePlatform(version="8.0", locale="en", product_line_id="embeddedEsx"),
    ),
)


def descriptor(*, flags: bool) -> Descriptor:
    return Descriptor(
        type="locker",
        name="x",
        version="1.0-1",
        vendor="ACME",
        summary="one line",
        description="several\nlines",
        release_date="2024-05-01T12:00:00+00:00",
        acceptance_level="accepted",
        urls=(Url(key="home", link="https://example.com/"),),
        relationships=RELATIONSHIPS,
        software_tags=("driver", "module"),
        system_requires=REQUIRES,
        live_install_allowed=flags,
        live_remove_allowed=flags,
        cimom_restart=flags,
        stateless_ready=flags,
        overlay=flags,
        payloads=(
            Payload(name="one", type="vgz", size=1, boot_order=3, vfat_name="one.v00"),
            Payload(name="two", type="tgz", size=1),
        ),
    )


def test_a_descriptor_becomes_the_recipe_that_says_the_same() -> None:
    for flags in (False, True):
        assert read_table(table_of(descriptor(flags=flags)), str) == Recipe(
            type=VibType.LOCKER,
            name="x",
            version="1.0-1",
            vendor="ACME",
            summary="one line",
            description="several\nlines",
            release_date=ReleaseDate.parse("2024-05-01T12:00:00Z"),
            acceptance_level=AcceptanceLevel.ACCEPTED,
            urls=(Url(key="home", link="https://example.com/"),),
            relationships=RELATIONSHIPS,
            software_tags=("driver", "module"),
            system_requires=REQUIRES,
            live_install_allowed=flags,
            live_remove_allowed=flags,
            cimom_restart=flags,
            stateless_ready=flags,
            overlay=flags,
            payloads=(
                PayloadRecipe(
                    name="one",
                    tree="payloads/one",
                    type=PayloadType.VGZ,
                    boot_order=3,
                    vfat_name="one.v00",
                ),
                PayloadRecipe(name="two", tree="payloads/two", type=PayloadType.TGZ),
            ),
        )


def test_what_a_descriptor_leaves_out_is_what_hosts_take_it_for() -> None:
    table = table_of(Descriptor(name="x", version="1.0-1", vendor="ACME", type=None))
    assert table.keys().isdisjoint({"type", "release-date", "acceptance-level"})
    assert table["system-requires"]["maintenance-mode"] == {"on-install": True, "on-remove": True}
    assert table["live-install-allowed"] is False
