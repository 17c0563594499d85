"""Search certification paths, and validate them with OpenSSL (decision 14)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec import Struct
from msgspec.structs import replace
from OpenSSL.crypto import (
    FILETYPE_ASN1,
    X509,
    Error,
    X509Store,
    X509StoreContext,
    X509StoreContextError,
    X509StoreFlags,
    dump_certificate,
)

from vibforge.errors import FormatError
from vibforge.formats.budget import Budget, Work
from vibforge.formats.certificate import (
    ODDITIES,
    Arithmetic,
    Certificate,
    check_signature,
    oddities_passed,
    read_certificate,
)

SIZE_LIMIT = 64 * 1024
"""Bytes of one certificate; the vendor's take 2 KB, and none of a CA reaches a tenth of this."""

_KEPT = 16
"""Certificates that are looked at once: packages of one signer have the same chain."""

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


class ChainCertificate(Struct, frozen=True, kw_only=True):
    """A certificate of a chain: what it `says`, and what it may do.

    `is_ca` is None where basicConstraints is absent, `key_usage` and `extended_key_usage` where
    theirs is; a usage is named as in `x509.KeyUsage`, an extended one by its dotted identifier.
    `key_bits` is 0 for a key that is neither RSA nor of an elliptic curve.
    """

    says: Certificate
    subject_der: bytes
    version: int
    key_bits: int
    is_ca: bool | None
    key_usage: frozenset[str] | None
    extended_key_usage: frozenset[str] | None
    signature_digest: str
    loaded: x509.Certificate

    @property
    def subject(self) -> str:
        """The name of whom it is about."""
        return self.says.subject

    @property
    def sha256(self) -> str:
        """The fingerprint."""
        return self.says.sha256

    def has_issued(self, other: "ChainCertificate") -> bool:
        """Whether this one's name and key made `other`."""
        if other.says.issuer_der != self.subject_der:
            return False
        made = other.loaded
        return self.has_signed(other.signature_digest, made.signature, made.tbs_certificate_bytes)

    def has_signed(self, digest: str, signature: bytes, text: bytes) -> bool:
        """Whether this one's key made a signature; old digests are checked too, RSA-PSS is not."""
        return check_signature(self.says, "", digest, signature, text)[0] is Arithmetic.HELD


@lru_cache(_KEPT)
def read_link(certificate: Certificate) -> ChainCertificate:
    """Read what a certificate may do.

    Raises:
        FormatError: its extensions cannot be read, or it is too large.
    """
    if len(certificate.der) > SIZE_LIMIT:
        raise FormatError(f"a certificate of {len(certificate.der)} bytes, more than {SIZE_LIMIT}")
    try:
        with oddities_passed():
            return _link(certificate, x509.load_der_x509_certificate(certificate.der))
    except ODDITIES as error:
        raise FormatError(f"the certificate {certificate.subject} is broken: {error}") from error


def _link(certificate: Certificate, loaded: x509.Certificate) -> ChainCertificate:
    extensions = loaded.extensions
    basic = _value(extensions, x509.BasicConstraints)
    extended = _value(extensions, x509.ExtendedKeyUsage)
    usage = _value(extensions, x509.KeyUsage)
    return ChainCertificate(
        says=certificate,
        subject_der=loaded.subject.public_bytes(),
        version=loaded.version.value + 1,
        key_bits=_key_bits(loaded),
        is_ca=basic.ca if basic else None,
        key_usage=frozenset(name for name in _USAGES if getattr(usage, name)) if usage else None,
        extended_key_usage=frozenset(oid.dotted_string for oid in extended) if extended else None,
        signature_digest=_digest_of(loaded),
        loaded=loaded,
    )


def _value(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key_bits(loaded: x509.Certificate) -> int:
    try:
        key = loaded.public_key()
    except UnsupportedAlgorithm:
        return 0
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key.key_size
    return 0


def _digest_of(loaded: x509.Certificate) -> str:
    try:
        algorithm = loaded.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return loaded.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else "none"


DEPTH_LIMIT = 10
"""Certificates in a chain; the vendor's have two, code signing on the web three or four."""
CHECK_LIMIT = 200
"""Signatures tried for one chain: certificates that share a name make the search a tree."""


class Chain(Struct, frozen=True, kw_only=True):
    """Certificates from the signer on, each issued by the next.

    `anchored` says that the last one is a self-signed certificate of the store; `reason` says what
    is missing where it is not. `strangers` names what the signature carries beside it.
    """

    certificates: tuple[ChainCertificate, ...]
    anchored: bool
    reason: str = ""
    strangers: tuple[str, ...] = ()

    @property
    def signer(self) -> ChainCertificate:
        """The certificate whose key signed."""
        return self.certificates[0]

    def links(self) -> Iterator[tuple[ChainCertificate, ChainCertificate]]:
        """Each certificate with its issuer; a root is its own."""
        issuers = (*self.certificates[1:], self.certificates[-1])
        for certificate, issuer in zip(self.certificates, issuers, strict=True):
            if self.anchored or certificate is not issuer:
                yield certificate, issuer


def build_chain(
    signer: ChainCertificate,
    untrusted: Sequence[ChainCertificate],
    anchors: Sequence[ChainCertificate],
    budget: Budget,
) -> Chain:
    """Find a chain from `signer` to a self-signed certificate among `anchors`.

    ESXi 6.7 takes no other end: a signer or an intermediate in the store without its root is
    refused; a signer that is itself such a root is taken (format.md#trust, tried on 6.7). What the
    signature brings along (`untrusted`) and what else stands in the store may link them.

    Raises:
        LimitError: the budget of the signed file is spent on signatures.
    """
    found = _Search(untrusted, anchors, budget).run(signer)
    strangers = tuple(one.subject for one in untrusted if one not in found.certificates)
    return replace(found, strangers=strangers)


class _Search:
    """A depth-first search that never visits a certificate twice on one path."""

    def __init__(
        self,
        untrusted: Sequence[ChainCertificate],
        anchors: Sequence[ChainCertificate],
        budget: Budget,
    ) -> None:
        self._budget = budget
        self._known = tuple(dict.fromkeys((*anchors, *untrusted)))
        self._anchors = {anchor.sha256 for anchor in anchors}
        self._checks = 0
        self._best: tuple[ChainCertificate, ...] = ()
        self._too_deep = False

    def run(self, signer: ChainCertificate) -> Chain:
        found = self._extend((signer,))
        if found:
            return Chain(certificates=found, anchored=True)
        return Chain(certificates=self._best, anchored=False, reason=self._why_not())

    def _extend(self, path: tuple[ChainCertificate, ...]) -> tuple[ChainCertificate, ...]:
        if len(path) > len(self._best):
            self._best = path
        last = path[-1]
        if last.says.self_issued and last.sha256 in self._anchors and self._issued(last, last):
            return path
        if len(path) >= DEPTH_LIMIT:
            self._too_deep = True
            return ()
        for issuer in self._known:
            if issuer not in path and self._issued(issuer, last):
                found = self._extend((*path, issuer))
                if found:
                    return found
        return ()

    def _issued(self, issuer: ChainCertificate, child: ChainCertificate) -> bool:
        if issuer.subject_der != child.says.issuer_der or self._checks >= CHECK_LIMIT:
            return False
        self._checks += 1
        self._budget.spend(Work.SIGNATURES)
        return issuer.has_issued(child)

    def _why_not(self) -> str:
        last = self._best[-1]
        if self._checks >= CHECK_LIMIT:
            return f"no chain within {CHECK_LIMIT} signatures tried; the certificates form a maze"
        if self._too_deep:
            return (
                f"no chain of at most {DEPTH_LIMIT} certificates; they go in a circle or too deep"
            )
        if last.says.self_issued:
            return f"the root is not in the store: {last.subject}"
        named = any(one.subject_der == last.says.issuer_der for one in self._known)
        if named:
            return f"the issuer's key did not sign it: {last.subject}"
        return f"the issuer is not in the store: {last.says.issuer}"


class RevocationList(Struct, frozen=True, kw_only=True):
    """A CRL, valid from `this_update` to `next_update`; None if it states no end."""

    issuer: str
    issuer_der: bytes
    this_update: datetime
    next_update: datetime | None
    signature_digest: str
    loaded: x509.CertificateRevocationList

    def is_of(self, issuer: ChainCertificate) -> bool:
        """Whether the list bears the name of `issuer`."""
        return self.issuer_der == issuer.subject_der

    def is_signed_by(self, issuer: ChainCertificate) -> bool:
        """Whether the key of `issuer` made the list."""
        signature, text = self.loaded.signature, self.loaded.tbs_certlist_bytes
        return issuer.has_signed(self.signature_digest, signature, text)

    def names(self, certificate: ChainCertificate) -> bool:
        """Whether the list takes `certificate` back."""
        number = certificate.says.serial_number
        if number < 0:  # the library looks none of these up
            return any(entry.serial_number == number for entry in self.loaded)
        return self.loaded.get_revoked_certificate_by_serial_number(number) is not None


def read_revocation_list(der: bytes) -> RevocationList:
    """Read a list in DER.

    Raises:
        FormatError: it is no revocation list.
    """
    try:
        with oddities_passed():
            return _read(x509.load_der_x509_crl(der))
    except ODDITIES as error:
        raise FormatError(f"a revocation list cannot be read: {error}") from error


def _read(loaded: x509.CertificateRevocationList) -> RevocationList:
    return RevocationList(
        issuer=loaded.issuer.rfc4514_string(),
        issuer_der=loaded.issuer.public_bytes(),
        this_update=loaded.last_update_utc,
        next_update=loaded.next_update_utc,
        signature_digest=_revocation_digest_of(loaded),
        loaded=loaded,
    )


def _revocation_digest_of(loaded: x509.CertificateRevocationList) -> str:
    algorithm = loaded.signature_hash_algorithm
    return algorithm.name if algorithm else "none"


def lists_of(issuer: ChainCertificate, lists: Iterable[RevocationList]) -> list[RevocationList]:
    """Return those of `lists` that bear the name of `issuer`."""
    return [one for one in lists if one.is_of(issuer)]


TOLERATED = {
    85: "Missing Authority Key Identifier",
    86: "Missing Subject Key Identifier",
    89: "Basic Constraints of CA cert not marked critical",
    92: "CA cert does not include key usage extension",
}
"""What `openssl -x509_strict` refuses and vibforge does not: OpenSSL's numbers and messages.

VMware's own signing certificates lack 85; in-house CAs, those of `openssl req -x509` too, the rest.
"""

_CERTIFICATE_NOT_YET_VALID = 9
_CERTIFICATE_EXPIRED = 10
_LIST_NOT_YET_VALID = 11
_LIST_EXPIRED = 12

_Path = tuple[ChainCertificate, ...]


class Anchors(Struct, frozen=True, kw_only=True):
    """Where a path may end, and the revocation lists of its issuers.

    `partial` lets a path end at a certificate that is not self-signed.
    """

    certificates: Sequence[ChainCertificate]
    lists: Sequence[RevocationList] = ()
    partial: bool = False


class ValidatedPath(Struct, frozen=True, kw_only=True):
    """The certificates from signer to anchor that OpenSSL chose, and its objections.

    `certificates` is empty if OpenSSL found no valid path.
    """

    certificates: _Path = ()
    objections: tuple[str, ...] = ()


def validate_path(
    expected: Sequence[ChainCertificate],
    carried: Sequence[ChainCertificate],
    anchors: Anchors,
    moment: datetime,
) -> ValidatedPath:
    """Validate the path of a signer as of `moment`.

    If `anchors` has any revocation list, the signer's issuer must have a current one there. Lists
    of other issuers on the path are checked where there are some.

    Args:
        expected: the path as built by other means, the signer first. If OpenSSL finds no valid
            path, each of these certificates is checked, so that all problems are reported at once.
        carried: further certificates that may link the signer to an anchor.
        anchors: the trusted certificates and the revocation lists.
        moment: when every certificate and every list must be valid.
    """
    try:
        validator = _Validator(carried, anchors, moment)
        certificates, objections = validator.validate(expected)
        objections += validator.unlisted_objections(certificates)
        objections += validator.end_objections(certificates)
        objections += validator.form_objections(certificates or tuple(expected))
    except Error as error:
        reasons = ", ".join(dict.fromkeys(reason for _, _, reason in error.args[0]))
        objection = f"OpenSSL cannot read the certificates or the revocation lists: {reasons}"
        return ValidatedPath(objections=(objection,))
    return ValidatedPath(certificates=certificates, objections=tuple(dict.fromkeys(objections)))


class _Validator:
    """Validates certificates against one set of anchors, as of one moment."""

    def __init__(
        self, carried: Sequence[ChainCertificate], anchors: Anchors, moment: datetime
    ) -> None:
        self._carried = [X509.from_cryptography(one.loaded) for one in carried]
        self._anchors = anchors
        self._moment = moment.astimezone(UTC)
        self._listed = {one.issuer_der for one in anchors.lists}

    def validate(self, expected: Sequence[ChainCertificate]) -> tuple[_Path, list[str]]:
        """Return the path that OpenSSL chooses, and objections to its certificates."""
        path, error = self._run(expected[0], self._revocation(wanted=bool(self._listed)))
        objections = [] if error is None else [self._reason(error)]
        for issuer in (path or expected)[1:]:
            listed = issuer.says.issuer_der in self._listed
            if listed or not path:
                error = self._run(issuer, self._revocation(wanted=listed))[1]
                objections += [] if error is None else [self._reason(error)]
        return path, objections

    def unlisted_objections(self, path: _Path) -> Iterator[str]:
        """Yield what no list can take back: a signer that is an anchor itself, beside lists.

        OpenSSL before 4.0 asks for a list of it, and 4.0 does not.
        """
        if len(path) == 1 and self._listed:
            yield (
                f"{path[0].subject} signed itself, so no revocation list says whether it is still "
                "good, and the store has lists"
            )

    def end_objections(self, path: _Path) -> Iterator[str]:
        """Yield what ends at the very second that is judged.

        OpenSSL before 4.0 counts that second as too late, and 4.0 does not.
        """
        for certificate in path:
            if certificate.says.not_after == self._moment:
                yield _end_of(certificate.says)
        for issuer in path[1:]:
            for one in lists_of(issuer, self._anchors.lists):
                if one.next_update == self._moment:
                    yield self._list_reason(one.issuer, [one], ended=True)

    def form_objections(self, path: _Path) -> Iterator[str]:
        """Yield what `-x509_strict` adds.

        OpenSSL stops at the first error. Checking goes on with the certificate above that one.
        """
        position = 0
        while position < len(path):
            error = self._run(path[position], X509StoreFlags.X509_STRICT)[1]
            if error is None:
                return
            number, depth, _ = error.errors
            if number not in TOLERATED:
                yield self._reason(error)
            position += depth + 1

    def _run(
        self, certificate: ChainCertificate, flags: int
    ) -> tuple[_Path, X509StoreContextError | None]:
        target = X509.from_cryptography(certificate.loaded)
        context = X509StoreContext(self._store(flags), target, self._carried)
        try:
            return tuple(read_link(_says(one)) for one in context.get_verified_chain()), None
        except X509StoreContextError as error:
            return (), error

    @staticmethod
    def _revocation(*, wanted: bool) -> int:
        return X509StoreFlags.CRL_CHECK if wanted else 0

    def _store(self, flags: int) -> X509Store:
        store = X509Store()
        store.set_time(self._moment)
        partial = X509StoreFlags.PARTIAL_CHAIN if self._anchors.partial else 0
        always = X509StoreFlags.CHECK_SS_SIGNATURE | X509StoreFlags.POLICY_CHECK
        store.set_flags(flags | always | partial)
        for anchor in self._anchors.certificates:
            store.add_cert(X509.from_cryptography(anchor.loaded))
        for one in self._anchors.lists:
            store.add_crl(one.loaded)
        return store

    def _reason(self, error: X509StoreContextError) -> str:
        number, _, message = error.errors
        try:
            says = _says(error.certificate)
        except Error:
            return f"the path from signer to root is not valid: {message}"
        if number == _CERTIFICATE_NOT_YET_VALID:
            return f"{says.subject} is valid only from {_day(says.not_before)}"
        if number == _CERTIFICATE_EXPIRED:
            return _end_of(says)
        if number in {_LIST_NOT_YET_VALID, _LIST_EXPIRED}:
            lists = [one for one in self._anchors.lists if one.issuer_der == says.issuer_der]
            return self._list_reason(says.issuer, lists, ended=number == _LIST_EXPIRED)
        return f"{says.subject or 'a certificate without a subject'}: {message}"

    def _list_reason(self, issuer: str, lists: Sequence[RevocationList], *, ended: bool) -> str:
        days = [one.next_update if ended else one.this_update for one in lists]
        when = " and ".join(_day(day) for day in days if day)
        verb = "ended" if ended else "begins"
        return (
            f"the revocation list of {issuer} {verb} on {when}, and {_day(self._moment)} is "
            "judged; --at chooses another day"
        )


def _says(certificate: X509) -> Certificate:
    return read_certificate(dump_certificate(FILETYPE_ASN1, certificate))


def _end_of(says: Certificate) -> str:
    return f"{says.subject} was valid only until {_day(says.not_after)}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
