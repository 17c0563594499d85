"""Certificates and chains: some genuine, most forged."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec.structs import replace

from tests.signing.forgery.der import BITS, NULL, extension, integer, oid, sequence, tlv, written
from tests.signing.forgery.message import Form, Message, signed
from tests.signing.forgery.parties import (
    ECDSA_SHA256,
    FUTURE,
    GOOD,
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
    Odd,
    Party,
    basic,
    certificate,
    key_id,
    middle,
    of_ca,
    of_signer,
    other_key,
    public_key,
    purposes,
    root,
    signer,
    usages,
)
from tests.signing.made import key, name

UNKNOWN = "1.2.3.4.5"
POLICY, OTHER_POLICY, ANY_POLICY = "1.2.3.1", "1.2.3.2", "2.5.29.32.0"
CODE, SERVER, ANY = (
    ExtendedKeyUsageOID.CODE_SIGNING,
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)
Forms = Iterator[tuple[str, Form]]


def below(*middles: Party, by: Party | None = None, roots: tuple[Party, ...] = (ROOT,)) -> Form:
    """Return a form whose signer is issued by the first of `middles`."""
    return signed(by or signer(issuer=middles[0]), *middles, roots=roots)


def names_of(*kinds: x509.GeneralName) -> bytes:
    return written(x509.SubjectAlternativeName(list(kinds)))


def constrained(
    permitted: list[x509.GeneralName] | None = None,
    excluded: list[x509.GeneralName] | None = None,
    *,
    critical: bool = True,
) -> Party:
    value = x509.NameConstraints(permitted or None, excluded or None)
    return middle({"names": written(value, critical=critical)})


def directory(title: str) -> x509.DirectoryName:
    return x509.DirectoryName(name(title))


def name_constraints() -> Forms:
    lab = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner")]))
    other = directory("other")
    for critical in (True, False):
        word = "critical" if critical else "not critical"
        yield f"genuine: name permitted, {word}", below(constrained([lab], critical=critical))
        yield f"name not permitted, {word}", below(constrained([other], critical=critical))
        yield f"name excluded, {word}", below(constrained(None, [lab], critical=critical))
        yield f"permitted and excluded, {word}", below(constrained([lab], [lab], critical=critical))
    kinds: dict[str, tuple[x509.GeneralName, x509.GeneralName, x509.GeneralName]] = {
        "mail": (
            x509.RFC822Name("a@lab.example"),
            x509.RFC822Name("lab.example"),
            x509.RFC822Name("other.example"),
        ),
        "DNS": (
            x509.DNSName("a.lab.example"),
            x509.DNSName("lab.example"),
            x509.DNSName("other.example"),
        ),
        "URI": (
            x509.UniformResourceIdentifier("http://lab.example/a"),
            x509.UniformResourceIdentifier("lab.example"),
            x509.UniformResourceIdentifier("other.example"),
        ),
        "IP": (
            x509.IPAddress(IPv4Network("192.0.2.1/32").network_address),
            x509.IPAddress(IPv4Network("192.0.2.0/24")),
            x509.IPAddress(IPv4Network("198.51.100.0/24")),
        ),
    }
    for kind, (own, inside, outside) in kinds.items():
        for critical in (True, False):
            word = "critical" if critical else "not critical"
            for title, authority in (
                (f"genuine: {kind} permitted, {word}", constrained([inside], critical=critical)),
                (f"{kind} not permitted, {word}", constrained([outside], critical=critical)),
                (f"{kind} excluded, {word}", constrained(None, [inside], critical=critical)),
            ):
                by = signer({"alt": names_of(own)}, issuer=authority)
                yield title, below(authority, by=by)
    mail = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "partner"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@lab.example"),
        ]
    ).public_bytes()
    authority = constrained([x509.RFC822Name("other.example")])
    yield "mail in the subject not permitted", below(authority, by=signer(odd=Odd(subject=mail)))
    registered = constrained([x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])
    by = signer({"alt": names_of(x509.RegisteredID(x509.ObjectIdentifier("1.2.4")))})
    yield "constraint of a kind that nobody checks", below(registered, by=by)
    empty = middle({"names": extension("2.5.29.30", sequence(), critical=True)})
    yield "empty name constraints", below(empty)
    broken = middle({"names": extension("2.5.29.30", b"\x04\x01a", critical=True)})
    yield "broken name constraints", below(broken)
    of_root = root({"names": written(x509.NameConstraints([other], None))})
    yield "name not permitted by the root", below(MIDDLE, roots=(of_root,))
    in_leaf = signer({"names": written(x509.NameConstraints([other], None), critical=True)})
    yield "name constraints in the signer", below(MIDDLE, by=in_leaf)


def path_lengths() -> Forms:
    keys = [key(number) for number in range(20, 24)]
    lower = certificate("lower", MIDDLE, keys[0], of_ca(keys[0], MIDDLE_KEY))
    for length in (0, 1, 2):
        limited = middle({"basic": basic(ca=True, path=length)})
        title = f"path length {length} with one CA below"
        by = signer(issuer=lower)
        form = signed(by, lower, limited)
        yield f"{'genuine: ' if length else ''}{title}", form
        tight = root({"basic": basic(ca=True, path=length)})
        title = f"path length {length} of the root with two CAs below"
        form = signed(signer(issuer=lower), lower, MIDDLE, roots=(tight,))
        yield f"{'genuine: ' if length > 1 else ''}{title}", form
    limited = middle({"basic": basic(ca=True, path=0)})
    own = certificate("middle", limited, keys[1], of_ca(keys[1], MIDDLE_KEY))
    yield "genuine: self-issued CA below path length 0", signed(signer(issuer=own), own, limited)
    last = certificate("last", own, keys[2], of_ca(keys[2], keys[1]))
    yield (
        "a CA below a self-issued one below path length 0",
        signed(signer(issuer=last), last, own, limited),
    )
    in_leaf = signer({"basic": extension("2.5.29.19", sequence(integer(0)), critical=True)})
    yield "path length in the signer", below(MIDDLE, by=in_leaf)
    negative = extension("2.5.29.19", sequence(b"\x01\x01\xff", integer(-1)), critical=True)
    yield "negative path length", below(middle({"basic": negative}))
    huge = extension("2.5.29.19", sequence(b"\x01\x01\xff", integer(2**70)), critical=True)
    yield "path length of 70 bits", below(middle({"basic": huge}))
    without = middle({"basic": basic(ca=True, path=0), "usage": usages("crl_sign")})
    yield "path length without keyCertSign", below(without)


def issuing_rights() -> Forms:
    yield "CA without basicConstraints", below(middle(drop="basic"))
    yield "CA with cA false", below(middle({"basic": basic(ca=False)}))
    yield (
        "CA with basicConstraints not critical",
        below(middle({"basic": basic(ca=True, critical=False)})),
    )
    yield (
        "CA with empty basicConstraints",
        below(middle({"basic": extension("2.5.29.19", sequence(), critical=True)})),
    )
    yield (
        "CA with broken basicConstraints",
        below(middle({"basic": extension("2.5.29.19", b"\x04\x01a", critical=True)})),
    )
    yield "CA without keyUsage", below(middle(drop="usage"))
    yield (
        "CA without keyUsage and basicConstraints",
        below(certificate("middle", ROOT, MIDDLE_KEY, {})),
    )
    yield "CA without keyCertSign", below(middle({"usage": usages("crl_sign")}))
    yield "CA with digitalSignature only", below(middle({"usage": usages("digital_signature")}))
    yield (
        "CA with empty keyUsage",
        below(middle({"usage": extension("2.5.29.15", tlv(BITS, b"\0"), critical=True)})),
    )
    yield (
        "CA with keyUsage not critical",
        below(middle({"usage": usages("key_cert_sign", "crl_sign", critical=False)})),
    )
    yield "root without basicConstraints", below(MIDDLE, roots=(root(drop="basic"),))
    yield "root with cA false", below(MIDDLE, roots=(root({"basic": basic(ca=False)}),))
    yield "root without keyUsage", below(MIDDLE, roots=(root(drop="usage"),))
    yield "root without keyCertSign", below(MIDDLE, roots=(root({"usage": usages("crl_sign")}),))
    yield (
        "signer issued by a signer",
        signed(
            certificate("last/lab", SIGNER, OTHER_KEY, of_signer(OTHER_KEY, SIGNER_KEY)),
            SIGNER,
            MIDDLE,
        ),
    )
    yield "genuine: signer without keyUsage", below(MIDDLE, by=signer(drop="usage"))
    yield "genuine: signer without basicConstraints", below(MIDDLE, by=signer(drop="basic"))
    yield (
        "signer that is a CA",
        below(
            MIDDLE,
            by=signer(
                {"basic": basic(ca=True), "usage": usages("digital_signature", "key_cert_sign")}
            ),
        ),
    )
    yield (
        "signer with keyCertSign and cA false",
        below(MIDDLE, by=signer({"usage": usages("digital_signature", "key_cert_sign")})),
    )
    yield (
        "signer with keyEncipherment only",
        below(MIDDLE, by=signer({"usage": usages("key_encipherment")})),
    )
    yield (
        "signer with nonRepudiation only",
        below(MIDDLE, by=signer({"usage": usages("content_commitment")})),
    )
    old = Odd(version=b"")
    v1 = certificate("middle", ROOT, MIDDLE_KEY, {}, odd=old)
    yield "CA of version 1", below(v1)
    yield "version 1 with extensions", below(middle(odd=old))
    yield (
        "root of version 1",
        below(MIDDLE, roots=(certificate("root", None, ROOT_KEY, {}, odd=old),)),
    )
    yield (
        "signer of version 1",
        below(MIDDLE, by=certificate("partner/lab", MIDDLE, SIGNER_KEY, {}, odd=old)),
    )
    yield "certificate of version 4", below(middle(odd=Odd(version=tlv(0xA0, integer(3)))))
    yield "certificate of version 2", below(middle(odd=Odd(version=tlv(0xA0, integer(1)))))


def extended_usages() -> Forms:
    yield "genuine: signer without extended key usage", below(MIDDLE, by=signer(drop="purpose"))
    yield "signer for servers only", below(MIDDLE, by=signer({"purpose": purposes(SERVER)}))
    yield (
        "signer for servers only, critical",
        below(MIDDLE, by=signer({"purpose": purposes(SERVER, critical=True)})),
    )
    yield (
        "genuine: signer for servers and code",
        below(MIDDLE, by=signer({"purpose": purposes(SERVER, CODE)})),
    )
    yield "genuine: signer for anything", below(MIDDLE, by=signer({"purpose": purposes(ANY)}))
    yield "CA for servers only", below(middle({"purpose": purposes(SERVER)}))
    yield "genuine: CA for code signing", below(middle({"purpose": purposes(CODE)}))
    yield "root for servers only", below(MIDDLE, roots=(root({"purpose": purposes(SERVER)}),))
    yield (
        "empty extended key usage",
        below(MIDDLE, by=signer({"purpose": extension("2.5.29.37", sequence())})),
    )
    yield (
        "broken extended key usage",
        below(MIDDLE, by=signer({"purpose": extension("2.5.29.37", b"\x04\x01a", critical=True)})),
    )


def dates() -> Forms:
    for word, span in (("expired", PAST), ("not yet valid", FUTURE)):
        yield f"signer {word}", below(MIDDLE, by=signer(dates=span))
        yield f"CA {word}", below(middle(dates=span))
        yield f"root {word}", below(MIDDLE, roots=(root(dates=span),))
        yield (
            f"self-signed signer {word}",
            signed(alone := certificate("alone", None, SIGNER_KEY, {}, span), roots=(alone,)),
        )
    yield "signer that ends before it begins", below(MIDDLE, by=signer(dates=(FUTURE[0], PAST[1])))
    last = (GOOD[0], NOW)
    yield "signer that ends at this second", below(MIDDLE, by=signer(dates=last))
    yield "CA that ends at this second", below(middle(dates=last))
    yield "root that ends at this second", below(MIDDLE, roots=(root(dates=last),))
    yield (
        "genuine: signer that begins at this second",
        below(MIDDLE, by=signer(dates=(NOW, GOOD[1]))),
    )


def extensions() -> Forms:
    unknown = extension(UNKNOWN, b"\x05\x00", critical=True)
    for word, form in (
        ("signer", below(MIDDLE, by=signer({"x": unknown}))),
        ("CA", below(middle({"x": unknown}))),
        ("root", below(MIDDLE, roots=(root({"x": unknown}),))),
    ):
        yield f"unknown critical extension in the {word}", form
    yield (
        "genuine: unknown extension that is not critical",
        below(MIDDLE, by=signer({"x": extension(UNKNOWN, b"\x05\x00")})),
    )
    again = {"basic again": basic(ca=True)}
    yield "basicConstraints twice in the CA", below(middle(again))
    yield (
        "keyUsage twice in the signer",
        below(MIDDLE, by=signer({"usage again": usages("digital_signature")})),
    )
    yield "cA false, then true", below(middle({"basic": basic(ca=False), **again}))
    twice = {"x": extension(UNKNOWN, b"\x05\x00"), "y": extension(UNKNOWN, b"\x05\x00")}
    yield "unknown extension twice", below(MIDDLE, by=signer(twice))
    feature = extension("1.3.6.1.5.5.7.1.24", sequence(integer(1)))
    yield "unknown TLS feature", below(MIDDLE, by=signer({"tls": feature}))
    yield (
        "broken keyUsage in the signer",
        below(MIDDLE, by=signer({"usage": extension("2.5.29.15", b"\x04\x01a", critical=True)})),
    )
    yield (
        "broken subject key identifier",
        below(middle({"subject id": extension("2.5.29.14", b"\x05\x00")})),
    )
    yield (
        "broken issuer key identifier",
        below(MIDDLE, by=signer({"issuer id": extension("2.5.29.35", b"\x05\x00")})),
    )
    yield (
        "broken alternative name",
        below(MIDDLE, by=signer({"alt": extension("2.5.29.17", b"\x05\x00", critical=True)})),
    )
    yield (
        "empty alternative name",
        below(MIDDLE, by=signer({"alt": extension("2.5.29.17", sequence())})),
    )
    proxy = extension(
        "1.3.6.1.5.5.7.1.14", sequence(sequence(oid("1.3.6.1.5.5.7.21.1"))), critical=True
    )
    yield "proxy certificate", below(MIDDLE, by=signer({"proxy": proxy}, drop="basic"))
    yield (
        "no extensions at all, but their field",
        below(MIDDLE, by=signer(odd=Odd(behind=tlv(0xA3, sequence())))),
    )


def key_identifiers() -> Forms:
    wrong = written(x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None))
    yield "issuer key identifier of another key", below(MIDDLE, by=signer({"issuer id": wrong}))
    yield (
        "subject key identifier of another key",
        below(middle({"subject id": written(x509.SubjectKeyIdentifier(b"\x02" * 20))})),
    )
    other = x509.AuthorityKeyIdentifier(key_id(MIDDLE_KEY), [directory("someone else")], 4711)
    yield (
        "issuer and serial number of another issuer",
        below(MIDDLE, by=signer({"issuer id": written(other)})),
    )
    yield "no issuer key identifier", below(MIDDLE, by=signer(drop="issuer id"))
    yield "no subject key identifier in the CA", below(middle(drop="subject id"))
    critical = written(x509.SubjectKeyIdentifier(key_id(MIDDLE_KEY)), critical=True)
    yield "critical subject key identifier", below(middle({"subject id": critical}))
    critical = written(x509.AuthorityKeyIdentifier(key_id(MIDDLE_KEY), None, None), critical=True)
    yield "critical issuer key identifier", below(MIDDLE, by=signer({"issuer id": critical}))


def policies(*oids: str, critical: bool = False) -> bytes:
    listed = [x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in oids]
    return written(x509.CertificatePolicies(listed), critical=critical)


def policy_forms() -> Forms:
    explicit = written(x509.PolicyConstraints(0, None), critical=True)
    soft = written(x509.PolicyConstraints(0, None))
    late = written(x509.PolicyConstraints(3, None), critical=True)
    has = {"policies": policies(POLICY)}
    yield "explicit policy wanted, none there", below(middle({"explicit": explicit}))
    yield "explicit policy wanted but not critical, none there", below(middle({"explicit": soft}))
    yield "genuine: explicit policy wanted later than here", below(middle({"explicit": late}))
    yield (
        "explicit policy wanted and there",
        below(middle({"explicit": explicit, **has}), by=signer(has)),
    )
    yield (
        "explicit policy wanted, another one there",
        below(
            middle({"explicit": explicit, **has}), by=signer({"policies": policies(OTHER_POLICY)})
        ),
    )
    inhibited = {"inhibit": written(x509.InhibitAnyPolicy(0), critical=True)}
    any_one = {"policies": policies(ANY_POLICY)}
    yield (
        "explicit policy wanted, any policy there",
        below(middle({"explicit": explicit, **any_one}), by=signer(has)),
    )
    yield (
        "any policy inhibited",
        below(middle({"explicit": explicit, **inhibited, **has}), by=signer(any_one)),
    )
    mapping = extension(
        "2.5.29.33", sequence(sequence(oid(POLICY), oid(OTHER_POLICY))), critical=True
    )
    mapped = {"mapping": mapping, **has}
    yield (
        "mapped policy",
        below(
            middle({"explicit": explicit, **mapped}),
            by=signer({"policies": policies(OTHER_POLICY)}),
        ),
    )
    yield (
        "policy that was mapped away",
        below(middle({"explicit": explicit, **mapped}), by=signer(has)),
    )
    no_mapping = written(x509.PolicyConstraints(0, 0), critical=True)
    strict_root = root({"explicit": no_mapping, "policies": policies(ANY_POLICY)})
    yield (
        "mapping inhibited",
        below(
            middle(mapped), by=signer({"policies": policies(OTHER_POLICY)}), roots=(strict_root,)
        ),
    )
    from_any = extension(
        "2.5.29.33", sequence(sequence(oid(ANY_POLICY), oid(OTHER_POLICY))), critical=True
    )
    yield "mapping of any policy", below(middle({"mapping": from_any, **any_one}))
    yield (
        "broken policies",
        below(middle({"policies": extension("2.5.29.32", b"\x04\x01a", critical=True)})),
    )
    yield (
        "one policy twice",
        below(
            middle({"explicit": explicit, **has}), by=signer({"policies": policies(POLICY, POLICY)})
        ),
    )
    yield (
        "broken policy constraints",
        below(middle({"explicit": extension("2.5.29.36", b"\x04\x01a", critical=True)})),
    )
    yield (
        "empty policy constraints",
        below(middle({"explicit": extension("2.5.29.36", sequence(), critical=True)})),
    )
    qualifier = sequence(oid(POLICY), sequence(sequence(oid("1.3.6.1.5.5.7.2.9"), b"\x05\x00")))
    yield (
        "critical policies with an unknown qualifier",
        below(middle({"policies": extension("2.5.29.32", sequence(qualifier), critical=True)})),
    )


def serial_numbers() -> Forms:
    for word, serial in {
        "zero": tlv(2, b"\0"),
        "negative": integer(-5),
        "of 20 octets": integer(2**158),
        "of 60 octets": integer(2**478),
        "with a leading zero": tlv(2, b"\0\0\x05"),
        "empty": tlv(2),
    }.items():
        yield f"serial number {word}", below(MIDDLE, by=signer(odd=Odd(serial=serial)))


def names() -> Forms:
    empty = sequence()
    yield "signer with empty subject", below(MIDDLE, by=signer(odd=Odd(subject=empty)))
    nameless = middle(odd=Odd(subject=empty))
    yield "CA with empty subject", below(nameless)
    upper = name("MIDDLE").public_bytes()
    yield "issuer named in other letters", below(MIDDLE, by=signer(odd=Odd(issuer_name=upper)))
    spaced = name("middle ").public_bytes()
    yield "issuer named with a blank behind", below(MIDDLE, by=signer(odd=Odd(issuer_name=spaced)))
    printable = name("middle").public_bytes().replace(b"\x0c\x06middle", b"\x13\x06middle")
    yield (
        "issuer named in another type of string",
        below(MIDDLE, by=signer(odd=Odd(issuer_name=printable))),
    )
    yield (
        "issuer of another name",
        below(MIDDLE, by=signer(odd=Odd(issuer_name=name("another").public_bytes()))),
    )
    zero = name("middle\0").public_bytes()
    yield (
        "issuer named with a zero octet behind",
        below(MIDDLE, by=signer(odd=Odd(issuer_name=zero))),
    )


def chains() -> Forms:
    yield "genuine: signer, CA and root", below(MIDDLE)
    yield "genuine: root in the signature too", signed(SIGNER, MIDDLE, ROOT)
    yield "genuine: CA in the store", signed(SIGNER, roots=(ROOT, MIDDLE))
    direct = certificate("partner/lab", ROOT, SIGNER_KEY, of_signer(SIGNER_KEY, ROOT_KEY))
    yield "genuine: signer directly below the root", signed(direct)
    alone = certificate("alone", None, SIGNER_KEY, of_signer(SIGNER_KEY, SIGNER_KEY))
    yield "genuine: self-signed signer in the store", signed(alone, roots=(alone,))
    yield "self-signed signer not in the store", signed(alone)
    yield "signer alone in the store", signed(SIGNER, MIDDLE, roots=(SIGNER,))
    yield "CA alone in the store", signed(SIGNER, roots=(MIDDLE,))
    yield "CA missing", signed(SIGNER)
    yield "another root in the store", signed(SIGNER, MIDDLE, roots=(STRANGER,))
    twin = certificate("root", None, OTHER_KEY, of_ca(OTHER_KEY, OTHER_KEY))
    yield "root of the same name with another key", signed(SIGNER, MIDDLE, roots=(twin,))
    yield "genuine: two roots of one name", signed(SIGNER, MIDDLE, roots=(twin, ROOT))
    forged = certificate("partner/lab", MIDDLE, SIGNER_KEY, {}, odd=Odd(signing_key=OTHER_KEY))
    yield "signer that another key signed", below(MIDDLE, by=forged)
    fake = middle(odd=Odd(signing_key=OTHER_KEY))
    yield "CA that another key signed", below(fake)
    bad_root = root(odd=Odd(signing_key=OTHER_KEY))
    yield "root whose own signature is wrong", signed(SIGNER, MIDDLE, roots=(bad_root,))
    first = certificate("a", None, MIDDLE_KEY, of_ca(MIDDLE_KEY, MIDDLE_KEY))
    second = certificate("b", first, OTHER_KEY, of_ca(OTHER_KEY, MIDDLE_KEY))
    circle = certificate("a", second, MIDDLE_KEY, of_ca(MIDDLE_KEY, OTHER_KEY))
    yield "two CAs that issued each other", signed(signer(issuer=circle), circle, second)
    crossed = certificate("middle", STRANGER, MIDDLE_KEY, of_ca(MIDDLE_KEY, OTHER_KEY))
    yield "CA that another root crossed, both carried", signed(SIGNER, MIDDLE, crossed)
    yield (
        "genuine: CA that the root in the store crossed",
        signed(SIGNER, crossed, roots=(STRANGER,)),
    )
    old = middle(dates=PAST)
    yield "expired and current CA of one key", signed(SIGNER, old, MIDDLE)
    yield "a stranger in the signature", signed(SIGNER, MIDDLE, STRANGER)
    tampered = MIDDLE.der.replace(b"\x0c\x06middle", b"\x0c\x06muddle")
    yield (
        "CA with a changed name",
        Form(signature=Message(certificates=(SIGNER.der, tampered)).pem()),
    )


def keys_and_digests() -> Forms:
    for kind in ("p192", "p224", "p384", "p521", "k256", "brainpool", "ed25519", "dsa", "e3"):
        own = other_key(kind)
        good = kind in {"p384", "p521", "k256", "brainpool"}
        yield (
            f"{'genuine: ' if good else ''}signer with a key {kind}",
            below(MIDDLE, by=signer(own=own)),
        )
        authority = certificate("middle", ROOT, own, of_ca(own, ROOT_KEY))
        by = certificate("partner/lab", authority, SIGNER_KEY, of_signer(SIGNER_KEY, own))
        yield f"{'genuine: ' if good else ''}CA with a key {kind}", below(authority, by=by)
    for bits in ("1024", "2048"):
        own = key(30, bits)
        yield (
            f"{'genuine: ' if bits == '2048' else ''}signer with RSA {bits}",
            below(MIDDLE, by=signer(own=own)),
        )
        rsa_ca = certificate("middle", ROOT, own, of_ca(own, ROOT_KEY))
        for digest in ("md5", "sha1", "sha256", "sha512"):
            good = bits == "2048" and digest in {"sha256", "sha512"}
            by = signer(issuer=rsa_ca, odd=Odd(digest=digest))
            yield (
                f"{'genuine: ' if good else ''}signed by RSA {bits} over {digest}",
                below(rsa_ca, by=by),
            )
    yield "CA certificate signed over SHA-1", below(middle(odd=Odd(digest="sha1")))
    yield "signer's certificate signed over SHA-1", below(MIDDLE, by=signer(odd=Odd(digest="sha1")))
    yield "genuine: root signed over SHA-1", below(MIDDLE, roots=(root(odd=Odd(digest="sha1")),))
    selfish = certificate(
        "middle", MIDDLE, OTHER_KEY, of_ca(OTHER_KEY, MIDDLE_KEY), odd=Odd(digest="sha1")
    )
    yield "self-issued CA signed over SHA-1", signed(signer(issuer=selfish), selfish, MIDDLE)
    inner = sequence(oid("1.2.840.10045.4.3.3"))
    yield (
        "two signature algorithms in one certificate",
        below(MIDDLE, by=signer(odd=Odd(inner_algorithm=inner))),
    )
    with_null = sequence(oid("1.2.840.10045.4.3.2"), tlv(NULL))
    yield (
        "signature algorithm with parameters outside only",
        below(MIDDLE, by=signer(odd=Odd(outer_algorithm=with_null))),
    )
    yield (
        "unknown signature algorithm",
        below(
            MIDDLE,
            by=signer(
                odd=Odd(
                    inner_algorithm=sequence(oid(UNKNOWN)), outer_algorithm=sequence(oid(UNKNOWN))
                )
            ),
        ),
    )
    yield from exponents()
    yield (
        "key of an unknown kind",
        below(MIDDLE, by=signer(odd=Odd(spki=sequence(sequence(oid(UNKNOWN)), tlv(BITS, b"\0a"))))),
    )
    point = bytearray(public_key(SIGNER_KEY))
    point[-1] ^= 1
    yield "point that is not on the curve", below(MIDDLE, by=signer(odd=Odd(spki=bytes(point))))
    yield (
        "unused bits in the certificate's signature",
        below(replace(MIDDLE, der=_with_unused_bit(MIDDLE.der))),
    )


def exponents() -> Forms:
    """Signatures that anybody can make, for a key with exponent 1."""
    numbers = key(31, "2048").private_numbers()
    assert isinstance(numbers, rsa.RSAPrivateNumbers)
    modulus = numbers.public_numbers.n
    for exponent in (1, 2, 0):
        raw = sequence(integer(modulus), integer(exponent))
        spki = sequence(sequence(oid("1.2.840.113549.1.1.1"), b"\5\0"), tlv(BITS, b"\0", raw))
        by = signer(odd=Odd(spki=spki))
        message = Message(
            by=by,
            signature=lambda _: b"\0" + b"\1".rjust(255, b"\0"),
            signature_algorithm=sequence(oid("1.2.840.113549.1.1.11"), b"\5\0"),
        )
        yield f"signer with RSA exponent {exponent}", Form(signature=message.pem())


def _with_unused_bit(der: bytes) -> bytes:
    marker = ECDSA_SHA256 + b"\x03"
    place = der.rindex(marker) + len(marker) + 1
    return der[:place] + b"\x01" + der[place + 1 :]


FAMILIES = (
    name_constraints,
    path_lengths,
    issuing_rights,
    extended_usages,
    dates,
    extensions,
    key_identifiers,
    policy_forms,
    serial_numbers,
    names,
    chains,
    keys_and_digests,
)
