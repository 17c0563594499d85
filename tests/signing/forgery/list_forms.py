"""Revocation lists: some genuine, most forged."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from msgspec import Struct
from msgspec.structs import replace

from tests.signing.forgery.der import (
    BITS,
    ENUMERATED,
    GENERALIZED_TIME,
    extension,
    integer,
    oid,
    sequence,
    time,
    tlv,
    written,
)
from tests.signing.forgery.message import Form, signed
from tests.signing.forgery.parties import (
    AFTER,
    BEFORE,
    MIDDLE,
    MIDDLE_KEY,
    NOW,
    OTHER_KEY,
    PAST,
    ROOT,
    ROOT_KEY,
    SIGNER,
    SIGNER_KEY,
    STRANGER,
    AnyKey,
    Odd,
    Party,
    algorithm,
    certificate,
    key_id,
    middle,
    of_ca,
    of_signer,
    sign,
    signer,
    usages,
)
from tests.signing.made import key, name

Forms = Iterator[tuple[str, Form]]
UNKNOWN = "1.2.3.4.5"
DAY = timedelta(days=1)
REASON, INVALIDITY, ENTRY_ISSUER = "2.5.29.21", "2.5.29.24", "2.5.29.29"


class List(Struct, frozen=True, kw_only=True):
    """The fields of a revocation list; by default a good one of the intermediate."""

    issuer: Party = MIDDLE
    signing_key: AnyKey | None = None
    name: bytes | None = None
    version: bytes = integer(1)
    starts: bytes = time(BEFORE)
    ends: bytes = time(AFTER)
    entries: tuple[bytes, ...] = ()
    extensions: tuple[bytes, ...] = ()
    digest: str = "sha256"
    inner_algorithm: bytes | None = None

    def der(self) -> bytes:
        own = self.signing_key or self.issuer.key
        of_key = algorithm(own, self.digest)
        text = sequence(
            self.version,
            self.inner_algorithm or of_key,
            self.name or self.issuer.subject,
            self.starts,
            self.ends,
            sequence(*self.entries) if self.entries else b"",
            tlv(0xA0, sequence(*self.extensions)) if self.extensions else b"",
        )
        return sequence(text, of_key, tlv(BITS, b"\0", sign(own, text, self.digest)))


def entry(party: Party, *extensions: bytes, at: datetime = BEFORE) -> bytes:
    listed = sequence(*extensions) if extensions else b""
    return sequence(party.serial, time(at), listed)


def reason(number: int, *, critical: bool = False) -> bytes:
    return extension(REASON, tlv(ENUMERATED, bytes((number,))), critical=critical)


def met(*lists: List, by: Party = SIGNER, chain: tuple[Party, ...] = (MIDDLE,)) -> Form:
    return signed(by, *chain, lists=tuple(one.der() for one in lists))


def number(value: int) -> bytes:
    return written(x509.CRLNumber(value))


def point(  # noqa: PLR0913 - the fields of an issuing distribution point
    *,
    full_name: list[x509.GeneralName] | None = None,
    user: bool = False,
    ca: bool = False,
    reasons: frozenset[x509.ReasonFlags] | None = None,
    indirect: bool = False,
    attribute: bool = False,
    critical: bool = True,
) -> bytes:
    value = x509.IssuingDistributionPoint(full_name, None, user, ca, reasons, indirect, attribute)
    return written(value, critical=critical)


def dates() -> Forms:
    yield "genuine: a current list", met(List())
    yield "list that is not yet valid", met(List(starts=time(NOW + DAY)))
    yield "list that ended", met(List(ends=time(NOW - DAY)))
    yield "list that ends at this second", met(List(ends=time(NOW)))
    yield (
        "list of the root that ends at this second",
        met(List(), List(issuer=ROOT, ends=time(NOW))),
    )
    yield "genuine: list that begins at this second", met(List(starts=time(NOW)))
    yield "list without an end", met(List(ends=b""))
    yield (
        "list that ended and names the signer",
        met(List(ends=time(NOW - DAY), entries=(entry(SIGNER),))),
    )
    yield "list that ends before it begins", met(List(starts=time(NOW + DAY), ends=time(NOW - DAY)))
    yield "list that begins at no time", met(List(starts=tlv(GENERALIZED_TIME, b"never")))
    yield (
        "list that begins with a fraction of a second",
        met(List(starts=tlv(GENERALIZED_TIME, b"20200101000000.5Z"))),
    )
    yield "list with a local time", met(List(starts=tlv(0x17, b"200101000000+0100")))
    yield "ended and current list", met(List(ends=time(NOW - DAY)), List(starts=time(NOW - DAY)))
    yield "current list, and one not yet valid", met(List(), List(starts=time(NOW + DAY)))


def issuers() -> Forms:
    yield "no list of the signer's issuer", met(List(issuer=ROOT))
    yield "list of a stranger only", met(List(issuer=STRANGER))
    alone = certificate("alone", None, SIGNER_KEY, of_signer(SIGNER_KEY, SIGNER_KEY))
    for title, one in (("CA", List()), ("stranger", List(issuer=STRANGER))):
        form = replace(met(one, by=alone, chain=()), roots=(alone,))
        yield f"self-signed signer in the store and a list of a {title}", form
    yield "genuine: lists of CA and root", met(List(), List(issuer=ROOT))
    yield "list of a wrong key", met(List(signing_key=OTHER_KEY))
    yield "list of a wrong key and a good one", met(List(signing_key=OTHER_KEY), List())
    yield "list of another name", met(List(name=name("another").public_bytes()))
    yield "list named in other letters", met(List(name=name("MIDDLE").public_bytes()))
    unnamed = name("x").public_bytes().replace(b"\x0c\x01x", b"\x0c\x00")
    unnamed = (
        bytes((0x30, unnamed[1] - 1, 0x31, unnamed[3] - 1, 0x30, unnamed[5] - 1)) + unnamed[6:]
    )
    yield "list of an issuer with an empty name", met(List(name=unnamed))
    weak = middle({"usage": usages("key_cert_sign")})
    yield "issuer without cRLSign", met(List(), by=signer(issuer=weak), chain=(weak,))
    plain = middle(drop="usage")
    yield "issuer without keyUsage", met(List(), chain=(plain,))
    twin = certificate("middle", STRANGER, OTHER_KEY, of_ca(OTHER_KEY, OTHER_KEY))
    yield "list of a CA of the same name", met(List(issuer=twin))
    yield (
        "list of a CA of the same name, with its certificate",
        met(List(issuer=twin), chain=(MIDDLE, twin)),
    )
    by_root = met(List(), List(issuer=ROOT, entries=(entry(MIDDLE),)))
    yield "CA revoked by the root", by_root
    yield "root that revokes itself", met(List(), List(issuer=ROOT, entries=(entry(ROOT),)))
    yield "list of the root that ended", met(List(), List(issuer=ROOT, ends=time(NOW - DAY)))
    yield "list of the root by a wrong key", met(List(), List(issuer=ROOT, signing_key=OTHER_KEY))
    key_ids = written(x509.AuthorityKeyIdentifier(key_id(OTHER_KEY), None, None))
    yield "list that names another key of its issuer", met(List(extensions=(key_ids,)))
    right = written(x509.AuthorityKeyIdentifier(key_id(MIDDLE_KEY), None, None))
    yield "genuine: list that names its key", met(List(extensions=(right, number(1))))
    direct = certificate("partner/lab", ROOT, OTHER_KEY, {})
    yield "list of the root for its own signer", met(List(), by=direct, chain=())
    rsa = key(30, "2048")
    authority = certificate("middle", ROOT, rsa, of_ca(rsa, ROOT_KEY))
    for digest in ("md5", "sha1", "sha256"):
        word = "genuine: " if digest == "sha256" else ""
        yield (
            f"{word}list signed over {digest}",
            met(
                List(issuer=authority, digest=digest),
                by=signer(issuer=authority),
                chain=(authority,),
            ),
        )
    yield (
        "two signature algorithms in one list",
        met(List(inner_algorithm=sequence(oid("1.2.840.10045.4.3.3")))),
    )


def entries() -> Forms:
    yield "signer revoked", met(List(entries=(entry(SIGNER),)))
    yield "signer revoked in the future", met(List(entries=(entry(SIGNER, at=NOW + 30 * DAY),)))
    yield "signer revoked twice", met(List(entries=(entry(SIGNER), entry(SIGNER))))
    for code, word in (
        (6, "on hold"),
        (8, "removed from the list"),
        (0, "unspecified"),
        (1, "key"),
    ):
        yield f"signer revoked, reason {word}", met(List(entries=(entry(SIGNER, reason(code)),)))
    for code in (7, 11, 99):
        yield f"signer revoked, reason {code}", met(List(entries=(entry(SIGNER, reason(code)),)))
        yield (
            f"another one revoked, reason {code}",
            met(List(entries=(entry(STRANGER, reason(code)),))),
        )
    unknown = extension(UNKNOWN, b"\5\0", critical=True)
    yield (
        "unknown critical extension in another's entry",
        met(List(entries=(entry(STRANGER, unknown),))),
    )
    yield (
        "unknown critical extension in the signer's entry",
        met(List(entries=(entry(SIGNER, unknown),))),
    )
    yield (
        "genuine: unknown extension of an entry, not critical",
        met(List(entries=(entry(STRANGER, extension(UNKNOWN, b"\5\0")),))),
    )
    yield "genuine: another one revoked", met(List(entries=(entry(STRANGER),)))
    yield (
        "another one revoked, critical reason",
        met(List(entries=(entry(STRANGER, reason(1, critical=True)),))),
    )
    yield "broken reason", met(List(entries=(entry(STRANGER, extension(REASON, b"\4\1a")),)))
    yield "two reasons in one entry", met(List(entries=(entry(STRANGER, reason(1), reason(2)),)))
    issuer = written(x509.CertificateIssuer([x509.DirectoryName(name("middle"))]), critical=True)
    yield "entry with an issuer of its own", met(List(entries=(entry(SIGNER, issuer),)))
    yield "another's entry with an issuer of its own", met(List(entries=(entry(STRANGER, issuer),)))
    odd = extension(INVALIDITY, tlv(GENERALIZED_TIME, b"never"))
    yield "broken invalidity date", met(List(entries=(entry(STRANGER, odd),)))
    yield "entry without a date", met(List(entries=(sequence(STRANGER.serial),)))
    yield (
        "entry with a serial number of no octets",
        met(List(entries=(sequence(tlv(2), time(BEFORE)),))),
    )
    yield (
        "empty entry extensions",
        met(List(entries=(sequence(STRANGER.serial, time(BEFORE), sequence()),))),
    )


def distribution_points() -> Forms:
    here: list[x509.GeneralName] = [x509.UniformResourceIdentifier("http://lab.example/a.crl")]
    there: list[x509.GeneralName] = [x509.UniformResourceIdentifier("http://lab.example/b.crl")]
    some = frozenset({x509.ReasonFlags.key_compromise})
    for critical in (True, False):
        word = "critical" if critical else "not critical"
        for title, value in {
            "for signers": point(user=True, critical=critical),
            "for CAs": point(ca=True, critical=critical),
            "for attribute certificates": point(attribute=True, critical=critical),
            "for some reasons": point(user=True, reasons=some, critical=critical),
            "that is indirect": point(indirect=True, critical=critical),
            "of a distribution point": point(full_name=here, critical=critical),
        }.items():
            start = "genuine: " if title == "for signers" else ""
            yield f"{start}list {title}, {word}", met(List(extensions=(value,)))

    def pointing(names: list[x509.GeneralName]) -> Party:
        value = x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)])
        return signer({"points": written(value)})

    at_here = List(extensions=(point(full_name=here),))
    yield "genuine: the list of the signer's distribution point", met(at_here, by=pointing(here))
    yield "the list of another distribution point", met(at_here, by=pointing(there))
    reasons = x509.DistributionPoint(here, None, some, None)
    partial = signer({"points": written(x509.CRLDistributionPoints([reasons]))})
    yield "distribution point for some reasons", met(at_here, by=partial)
    elsewhere = x509.DistributionPoint(here, None, None, [x509.DirectoryName(name("another"))])
    foreign = signer({"points": written(x509.CRLDistributionPoints([elsewhere]))})
    yield "distribution point of another issuer", met(at_here, by=foreign)
    empty = extension("2.5.29.28", sequence(), critical=True)
    yield "empty issuing distribution point", met(List(extensions=(empty,)))
    both = extension("2.5.29.28", sequence(b"\x81\1\xff", b"\x82\1\xff"), critical=True)
    yield "list for signers only and for CAs only", met(List(extensions=(both,)))
    broken = extension("2.5.29.28", b"\4\1a", critical=True)
    yield "broken issuing distribution point", met(List(extensions=(broken,)))
    yield "issuing distribution point twice", met(List(extensions=(point(user=True),) * 2))


def list_extensions() -> Forms:
    delta = written(x509.DeltaCRLIndicator(1), critical=True)
    soft = written(x509.DeltaCRLIndicator(1))
    yield "delta list alone", met(List(extensions=(delta, number(2))))
    yield "delta list alone, not critical", met(List(extensions=(soft, number(2))))
    yield (
        "delta list that names the signer, and its base",
        met(
            List(extensions=(number(1),)),
            List(extensions=(delta, number(2)), entries=(entry(SIGNER),)),
        ),
    )
    unknown = extension(UNKNOWN, b"\5\0", critical=True)
    yield "unknown critical extension of a list", met(List(extensions=(unknown,)))
    yield (
        "genuine: unknown extension of a list",
        met(List(extensions=(extension(UNKNOWN, b"\5\0"),))),
    )
    yield "genuine: list number 2^150", met(List(extensions=(number(2**150),)))
    yield "negative list number", met(List(extensions=(extension("2.5.29.20", integer(-1)),)))
    yield "broken list number", met(List(extensions=(extension("2.5.29.20", b"\4\1a"),)))
    yield "list number twice", met(List(extensions=(number(1), number(2))))
    yield "critical list number", met(List(extensions=(written(x509.CRLNumber(1), critical=True),)))
    yield "list of version 1", met(List(version=b""))
    yield "list of version 1 with extensions", met(List(version=b"", extensions=(number(1),)))
    yield "list of version 3", met(List(version=integer(2)))
    newest = extension("2.5.29.46", sequence())
    yield "empty freshest list", met(List(extensions=(newest,)))


def below_nought() -> Forms:
    """Serial numbers that RFC 5280 forbids and OpenSSL reads."""
    odd = signer(odd=Odd(serial=integer(-5)))
    yield "signer of a serial number below nought", met(List(), by=odd)
    yield (
        "signer of a serial number below nought, revoked",
        met(List(entries=(entry(STRANGER), entry(odd))), by=odd),
    )


def shapes() -> Forms:
    good = List().der()
    yield "byte behind the list", signed(SIGNER, MIDDLE, lists=(good + b"\0",))
    yield "half a list", signed(SIGNER, MIDDLE, lists=(good[: len(good) // 2],))
    yield "certificate in place of a list", signed(SIGNER, MIDDLE, lists=(MIDDLE.der,))
    late = middle(dates=PAST)
    yield "list of an expired CA", met(List(), chain=(late,))


FAMILIES = (
    dates,
    issuers,
    entries,
    distribution_points,
    list_extensions,
    below_nought,
    shapes,
)
