"""Validate certification paths by RFC 5280 with OpenSSL (decision 14 says why it is OpenSSL).

`pyOpenSSL` calls the OpenSSL that `cryptography` brings along. OpenSSL checks signatures, dates,
issuing rights, path lengths, name constraints, policies, critical extensions and revocation lists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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

from vibforge.formats.certificate import Certificate, read_certificate
from vibforge.trust.link import Link, read_link
from vibforge.trust.revocation import RevocationList, lists_of

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

_Path = tuple[Link, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """Where a path may end, and the revocation lists of its issuers.

    `partial` lets a path end at a certificate that is not self-signed.
    """

    certificates: Sequence[Link]
    lists: Sequence[RevocationList] = ()
    partial: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatedPath:
    """The certificates from signer to anchor that OpenSSL chose, and its objections.

    `certificates` is empty if OpenSSL found no valid path.
    """

    certificates: _Path = ()
    objections: tuple[str, ...] = ()


def validate_path(
    expected: Sequence[Link], carried: Sequence[Link], anchors: Anchors, moment: datetime
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
        objections += validator.end_objections(certificates)
        objections += validator.form_objections(certificates or tuple(expected))
    except Error as error:
        reasons = ", ".join(dict.fromkeys(reason for _, _, reason in error.args[0]))
        objection = f"OpenSSL cannot read the certificates or the revocation lists: {reasons}"
        return ValidatedPath(objections=(objection,))
    return ValidatedPath(certificates=certificates, objections=tuple(dict.fromkeys(objections)))


class _Validator:
    """Validates certificates against one set of anchors, as of one moment."""

    def __init__(self, carried: Sequence[Link], anchors: Anchors, moment: datetime) -> None:
        self._carried = [X509.from_cryptography(one.loaded) for one in carried]
        self._anchors = anchors
        self._moment = moment.astimezone(UTC)
        self._listed = {one.issuer_der for one in anchors.lists}

    def validate(self, expected: Sequence[Link]) -> tuple[_Path, list[str]]:
        """Return the path that OpenSSL chooses, and objections to its certificates."""
        path, error = self._run(expected[0], self._revocation(wanted=bool(self._listed)))
        objections = [] if error is None else [self._reason(error)]
        for issuer in (path or expected)[1:]:
            listed = issuer.says.issuer_der in self._listed
            if listed or not path:
                error = self._run(issuer, self._revocation(wanted=listed))[1]
                objections += [] if error is None else [self._reason(error)]
        return path, objections

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

    def _run(self, certificate: Link, flags: int) -> tuple[_Path, X509StoreContextError | None]:
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
