from docs.generate import REFERENCE
from vibforge.trx.option import catalogue


def test_every_option_has_a_heading_to_link_to() -> None:
    page = (REFERENCE / "trx-options.md").read_text(encoding="utf-8")
    for name, option in catalogue().options.items():
        assert (f"### `{name}`\n" in page) is not bool(option.now)
        assert f"`{name}`" in page
