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
    parse_certificate,
)

SIZE_LIMIT = 64 * 1024
"""Bytes of one certificate; the vendor's have 2 KB, those of public CAs stay below 6 KB."""

_KEPT = 16
"""Certificates kept in the cache: packages of one signer share its chain."""

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
    """A certificate of a chain: its `parsed` fields, and what it may be used for.

    `is_ca`, `key_usage` and `extended_key_usage` are None if their extension is absent. A usage is
    named as in `x509.KeyUsage`, an extended usage by its dotted identifier. `key_bits` is 0 for a
    key that is neither RSA nor elliptic curve.
    """

    parsed: Certificate
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
        """The subject's name."""
        return self.parsed.subject

    @property
    def sha256(self) -> str:
        """The SHA-256 fingerprint."""
        return self.parsed.sha256

    def has_issued(self, other: "ChainCertificate") -> bool:
        """Whether this certificate is the issuer of `other`, by name and by signature."""
        if other.parsed.issuer_der != self.subject_der:
            return False
        child = other.loaded
        return self.has_signed(other.signature_digest, child.signature, child.tbs_certificate_bytes)

    def has_signed(self, digest: str, signature: bytes, text: bytes) -> bool:
        """Whether this key made the signature; weak digests are allowed, RSA-PSS is not."""
        return check_signature(self.parsed, "", digest, signature, text)[0] is Arithmetic.HELD


@lru_cache(_KEPT)
def chain_certificate(certificate: Certificate) -> ChainCertificate:
    """Return the certificate with what it may be used for.

    Raises:
        FormatError: the extensions cannot be read, or the certificate is too large.
    """
    if len(certificate.der) > SIZE_LIMIT:
        raise FormatError(
            f"a certificate has {len(certificate.der)} bytes; the limit is {SIZE_LIMIT}"
        )
    try:
        with oddities_passed():
            return _chain_certificate(certificate, x509.load_der_x509_certificate(certificate.der))
    except ODDITIES as error:
        raise FormatError(
            f"the certificate {certificate.subject} cannot be read: {error}"
        ) from error


def _chain_certificate(certificate: Certificate, loaded: x509.Certificate) -> ChainCertificate:
    extensions = loaded.extensions
    basic = _value(extensions, x509.BasicConstraints)
    extended = _value(extensions, x509.ExtendedKeyUsage)
    usage = _value(extensions, x509.KeyUsage)
    return ChainCertificate(
        parsed=certificate,
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
"""Certificates in a chain; the vendor's chains have two, those of public CAs three or four."""
CHECK_LIMIT = 200
"""Signatures tried for one chain; certificates that share a name make the search branch."""


class Chain(Struct, frozen=True, kw_only=True):
    """Certificates from the signer upwards, each issued by the next.

    `anchored` is True if the last certificate is self-signed and in the store; else `reason` says
    what is missing. `unused` names the other certificates in the signature.
    """

    certificates: tuple[ChainCertificate, ...]
    anchored: bool
    reason: str = ""
    unused: tuple[str, ...] = ()

    @property
    def signer(self) -> ChainCertificate:
        """The certificate whose key signed."""
        return self.certificates[0]

    def links(self) -> Iterator[tuple[ChainCertificate, ChainCertificate]]:
        """Yield each certificate with its issuer; a root is its own issuer."""
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
    """Return a chain from `signer` to a self-signed certificate among `anchors`.

    ESXi 6.7 accepts no other end. It refuses a signer or an intermediate whose root is not in the
    store, and accepts a signer that is itself such a root (format.md#trust, tried on 6.7). The
    certificates between may come from the signature (`untrusted`) or from the store.

    Raises:
        LimitError: the budget of the signed file is spent on signatures.
    """
    chain = _Search(untrusted, anchors, budget).run(signer)
    unused = tuple(other.subject for other in untrusted if other not in chain.certificates)
    return replace(chain, unused=unused)


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
        path = self._extend((signer,))
        if path:
            return Chain(certificates=path, anchored=True)
        return Chain(certificates=self._best, anchored=False, reason=self._reason())

    def _extend(self, path: tuple[ChainCertificate, ...]) -> tuple[ChainCertificate, ...]:
        if len(path) > len(self._best):
            self._best = path
        last = path[-1]
        if last.parsed.self_issued and last.sha256 in self._anchors and self._issued(last, last):
            return path
        if len(path) >= DEPTH_LIMIT:
            self._too_deep = True
            return ()
        for issuer in self._known:
            if issuer not in path and self._issued(issuer, last):
                complete = self._extend((*path, issuer))
                if complete:
                    return complete
        return ()

    def _issued(self, issuer: ChainCertificate, child: ChainCertificate) -> bool:
        if issuer.subject_der != child.parsed.issuer_der or self._checks >= CHECK_LIMIT:
            return False
        self._checks += 1
        self._budget.spend(Work.SIGNATURES)
        return issuer.has_issued(child)

    def _reason(self) -> str:
        last = self._best[-1]
        if self._checks >= CHECK_LIMIT:
            return (
                f"no chain found after {CHECK_LIMIT} signatures, the limit: too many certificates "
                "share a name"
            )
        if self._too_deep:
            return f"no chain of at most {DEPTH_LIMIT} certificates: it is a circle or too long"
        if last.parsed.self_issued:
            return f"the root is not in the store: {last.subject}"
        if any(known.subject_der == last.parsed.issuer_der for known in self._known):
            return f"its issuer's key did not sign the certificate {last.subject}"
        return f"the issuer is not in the store: {last.parsed.issuer}"


class RevocationList(Struct, frozen=True, kw_only=True):
    """A CRL, valid from `this_update` to `next_update`, which is None if the CRL states no end."""

    issuer: str
    issuer_der: bytes
    this_update: datetime
    next_update: datetime | None
    signature_digest: str
    loaded: x509.CertificateRevocationList

    def is_of(self, issuer: ChainCertificate) -> bool:
        """Whether the list has the name of `issuer`."""
        return self.issuer_der == issuer.subject_der

    def is_signed_by(self, issuer: ChainCertificate) -> bool:
        """Whether the key of `issuer` signed the list."""
        signature, text = self.loaded.signature, self.loaded.tbs_certlist_bytes
        return issuer.has_signed(self.signature_digest, signature, text)

    def names(self, certificate: ChainCertificate) -> bool:
        """Whether the list revokes `certificate`."""
        number = certificate.parsed.serial_number
        if number < 0:  # the library's look-up does not support these
            return any(entry.serial_number == number for entry in self.loaded)
        return self.loaded.get_revoked_certificate_by_serial_number(number) is not None


def parse_revocation_list(der: bytes) -> RevocationList:
    """Return the revocation list in DER bytes.

    Raises:
        FormatError: the bytes are not a revocation list.
    """
    try:
        with oddities_passed():
            return _revocation_list(x509.load_der_x509_crl(der))
    except ODDITIES as error:
        raise FormatError(f"a revocation list cannot be read: {error}") from error


def _revocation_list(loaded: x509.CertificateRevocationList) -> RevocationList:
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
    """Return the revocation lists that have the name of `issuer`."""
    return [revocation_list for revocation_list in lists if revocation_list.is_of(issuer)]


TOLERATED = {
    85: "Missing Authority Key Identifier",
    86: "Missing Subject Key Identifier",
    89: "Basic Constraints of CA cert not marked critical",
    92: "CA cert does not include key usage extension",
}
"""Errors of `openssl -x509_strict` that vibforge ignores: OpenSSL's numbers and messages.

VMware's signing certificates cause 85; in-house CAs and `openssl req -x509` cause the others.
"""

_CERTIFICATE_NOT_YET_VALID = 9
_CERTIFICATE_EXPIRED = 10
_LIST_NOT_YET_VALID = 11
_LIST_EXPIRED = 12

_Path = tuple[ChainCertificate, ...]


class Anchors(Struct, frozen=True, kw_only=True):
    """The certificates at which a path may end, and the revocation lists of its issuers.

    With `partial` a path may end at a certificate that is not self-signed.
    """

    certificates: Sequence[ChainCertificate]
    lists: Sequence[RevocationList] = ()
    partial: bool = False


class ValidatedPath(Struct, frozen=True, kw_only=True):
    """The path from signer to anchor that OpenSSL chose, and its reasons against the path.

    `certificates` is empty if OpenSSL found no valid path.
    """

    certificates: _Path = ()
    reasons: tuple[str, ...] = ()


def validate_path(
    expected: Sequence[ChainCertificate],
    carried: Sequence[ChainCertificate],
    anchors: Anchors,
    moment: datetime,
) -> ValidatedPath:
    """Validate the path of a signer at `moment`.

    If `anchors` has any revocation list, it must have a current list of the signer's issuer. Lists
    of other issuers on the path are checked if present.

    Args:
        expected: the path that `build_chain` found, the signer first. If OpenSSL finds no valid
            path, each of these certificates is checked, so that every reason is reported at once.
        carried: further certificates that may link the signer to an anchor.
        anchors: the trusted certificates and the revocation lists.
        moment: when every certificate and every list must be valid.
    """
    try:
        validator = _Validator(carried, anchors, moment)
        certificates, reasons = validator.validate(expected)
        reasons += validator.unlisted_reasons(certificates)
        reasons += validator.end_reasons(certificates)
        reasons += validator.form_reasons(certificates or tuple(expected))
    except Error as error:
        texts = ", ".join(dict.fromkeys(text for _, _, text in error.args[0]))
        reason = f"OpenSSL cannot read the certificates or the revocation lists: {texts}"
        return ValidatedPath(reasons=(reason,))
    return ValidatedPath(certificates=certificates, reasons=tuple(dict.fromkeys(reasons)))


class _Validator:
    """Validates certificates with one set of anchors, at one moment."""

    def __init__(
        self, carried: Sequence[ChainCertificate], anchors: Anchors, moment: datetime
    ) -> None:
        self._carried = [X509.from_cryptography(certificate.loaded) for certificate in carried]
        self._anchors = anchors
        self._moment = moment.astimezone(UTC)
        self._listed = {revocation_list.issuer_der for revocation_list in anchors.lists}

    def validate(self, expected: Sequence[ChainCertificate]) -> tuple[_Path, list[str]]:
        """Return the path that OpenSSL chooses, and its reasons against the certificates."""
        path, error = self._run(expected[0], self._revocation(wanted=bool(self._listed)))
        reasons = [] if error is None else [self._reason(error)]
        for issuer in (path or expected)[1:]:
            listed = issuer.parsed.issuer_der in self._listed
            if listed or not path:
                error = self._run(issuer, self._revocation(wanted=listed))[1]
                reasons += [] if error is None else [self._reason(error)]
        return path, reasons

    def unlisted_reasons(self, path: _Path) -> Iterator[str]:
        """Yield a reason if the signer is itself an anchor and the store has revocation lists.

        OpenSSL before 4.0 requires a list from it; 4.0 does not.
        """
        if len(path) == 1 and self._listed:
            yield (
                f"{path[0].subject} signed itself, so no revocation list says whether it is still "
                "good, and the store has lists"
            )

    def end_reasons(self, path: _Path) -> Iterator[str]:
        """Yield a reason for each certificate and list that ends at exactly the judged second.

        OpenSSL before 4.0 treats this second as expired, and 4.0 does not.
        """
        for certificate in path:
            if certificate.parsed.not_after == self._moment:
                yield _end_of(certificate.parsed)
        for issuer in path[1:]:
            for revocation_list in lists_of(issuer, self._anchors.lists):
                if revocation_list.next_update == self._moment:
                    yield self._list_reason(revocation_list.issuer, [revocation_list], ended=True)

    def form_reasons(self, path: _Path) -> Iterator[str]:
        """Yield the reasons that `-x509_strict` adds.

        OpenSSL stops at the first error, so the check restarts at the certificate above it.
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
            return tuple(map(_chain_certificate_from, context.get_verified_chain())), None
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
        for revocation_list in self._anchors.lists:
            store.add_crl(revocation_list.loaded)
        return store

    def _reason(self, error: X509StoreContextError) -> str:
        number, _, message = error.errors
        try:
            certificate = _parsed(error.certificate)
        except Error:
            return f"the path from signer to root is not valid: {message}"
        if number == _CERTIFICATE_NOT_YET_VALID:
            return f"{certificate.subject} is valid only from {_day(certificate.not_before)}"
        if number == _CERTIFICATE_EXPIRED:
            return _end_of(certificate)
        if number in {_LIST_NOT_YET_VALID, _LIST_EXPIRED}:
            issuer_der = certificate.issuer_der
            lists = [crl for crl in self._anchors.lists if crl.issuer_der == issuer_der]
            return self._list_reason(certificate.issuer, lists, ended=number == _LIST_EXPIRED)
        return f"{certificate.subject or 'a certificate without a subject'}: {message}"

    def _list_reason(self, issuer: str, lists: Sequence[RevocationList], *, ended: bool) -> str:
        days = [crl.next_update if ended else crl.this_update for crl in lists]
        when = " and ".join(_day(day) for day in days if day)
        verb = "ended" if ended else "begins"
        return (
            f"the revocation list of {issuer} {verb} on {when}, and dates are checked at "
            f"{_day(self._moment)}; --at chooses another day"
        )


def _parsed(certificate: X509) -> Certificate:
    return parse_certificate(dump_certificate(FILETYPE_ASN1, certificate))


def _chain_certificate_from(certificate: X509) -> ChainCertificate:
    return chain_certificate(_parsed(certificate))


def _end_of(certificate: Certificate) -> str:
    return f"{certificate.subject} was valid only until {_day(certificate.not_after)}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
