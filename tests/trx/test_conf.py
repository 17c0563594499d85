import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.trx.conf import Line, LineForm, TrxConf

LINES = st.lists(
    st.one_of(
        st.text(st.characters(exclude_characters="\n"), max_size=30),
        st.sampled_from(
            [
                "ptp4l:delay_mechanism P2P",
                " phc2sys : domainNumber\t24 ",
                "ptp4l:port0:delay_mechanism P2P",
                "# ptp4l:x 1",
                "ptp4l:ptp_dst_mac 01:02:03:04:05:06",
                "[global]",
                "ptp4l:",
                "",
            ]
        ),
    ),
    max_size=8,
).map("\n".join)


def only_line(text: str) -> Line:
    (line,) = TrxConf.parse(text.encode()).lines
    return line


def test_setting_is_taken_apart_with_its_columns() -> None:
    line = only_line(" ptp4l:  delay_mechanism \t P2P  ")
    assert (line.namespace, line.key, line.value) == ("ptp4l", "delay_mechanism", "P2P")
    assert line.text[line.key_column - 1 :].startswith("delay_mechanism")
    assert line.text[line.value_column - 1 :].startswith("P2P")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("ptp4l:delay_mechanism P2P", LineForm.SETTING),
        ("ptp4l:delay_mechanism  P2P", LineForm.SETTING),
        ("ptp4l:ptp_dst_mac 01:1B:19:00:00:00", LineForm.SETTING),
        ("ptp4l:port0:delay_mechanism P2P", LineForm.PORT),
        ("ptp4l:eth0:", LineForm.PORT),
        ("# ptp4l:port0:delay_mechanism P2P", LineForm.COMMENT),
        ("[global]", LineForm.SECTION),
        ("delay_mechanism P2P", LineForm.BARE),
        (" \t", LineForm.BLANK),
        ("ptp4l:key\u00a0value", LineForm.SETTING),
    ],
)
def test_what_a_line_is_by_its_looks(text: str, form: LineForm) -> None:
    assert only_line(text).form is form


def test_value_is_the_rest_of_the_line() -> None:
    assert only_line("ptp4l:userDescription rack 7  host 3").value == "rack 7  host 3"


def test_canonical_form_drops_what_nobody_has_shown_to_work() -> None:
    text = "\ufeff# c\r\n\r\nptp4l:  a\t1 \r\nptp4l:b 2\r\nptp4l:a 3\r\nptp4l:port0:c 4\r\nwhat"
    assert TrxConf.parse(text.encode()).serialise() == (
        b"ptp4l:b 2\nptp4l:a 3\nptp4l:port0:c 4\nwhat\n"
    )


def test_made_of_settings_is_what_a_reader_finds() -> None:
    conf = TrxConf.of([("ptp4l", "domainNumber", "24"), ("phc2sys", "domainNumber", "24")])
    assert conf.serialise() == b"ptp4l:domainNumber 24\nphc2sys:domainNumber 24\n"
    assert TrxConf.parse(conf.serialise()) == conf


@given(LINES)
def test_canonical_form_stays_as_it_is(text: str) -> None:
    once = TrxConf.parse(text.encode("utf-8", "surrogatepass")).serialise()
    assert TrxConf.parse(once).serialise() == once


@given(st.binary(max_size=200))
def test_every_byte_is_kept(data: bytes) -> None:
    conf = TrxConf.parse(data)
    text = "\n".join(line.text for line in conf.lines)
    mark = "\ufeff" if conf.byte_order_mark else ""
    kept = (mark + text).encode("utf-8", "surrogateescape")
    assert kept == data.removesuffix(b"\n")


def test_larger_than_any_trx_conf_is_refused() -> None:
    TrxConf.parse(b"x" * TRX_CONF_LIMIT)
    with pytest.raises(TrxError, match=str(TRX_CONF_LIMIT)) as caught:
        TrxConf.parse(b"x" * (TRX_CONF_LIMIT + 1))
    assert caught.value.problems[0].remedy == "Check that this is the file you mean."


def test_a_mark_behind_a_blank_does_not_become_the_mark_of_the_file() -> None:
    conf = TrxConf.parse(b" \xef\xbb\xbfptp4l:domainNumber 24\n")
    again = TrxConf.parse(conf.serialise())
    assert [line.namespace for line in again.settings] == ["\ufeffptp4l"]
    assert again.serialise() == conf.serialise()


def test_a_key_with_a_colon_does_not_become_a_port() -> None:
    conf = TrxConf.parse(b"ptp4l: a:b c \n")
    assert conf.lines[0].form is LineForm.SETTING
    assert TrxConf.parse(conf.serialise()).settings[0].key == "a:b"
