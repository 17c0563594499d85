"""From a signer to a root: the search for a chain, with every step of it bounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vibforge.formats.budget import Budget, Work
from vibforge.trust.link import Link

DEPTH_LIMIT = 10
"""Certificates in a chain; the vendor's have two, code signing on the web three or four."""
CHECK_LIMIT = 200
"""Signatures tried for one chain: certificates that share a name make the search a tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Certificates from the signer on, each issued by the next.

    `anchored` says that the last one is a self-signed certificate of the store; `reason` says what
    is missing where it is not. `strangers` names what the signature carries beside it.
    """

    certificates: tuple[Link, ...]
    anchored: bool
    reason: str = ""
    strangers: tuple[str, ...] = ()

    @property
    def signer(self) -> Link:
        """The certificate whose key signed."""
        return self.certificates[0]

    def links(self) -> Iterator[tuple[Link, Link]]:
        """Each certificate with its issuer; a root is its own."""
        issuers = (*self.certificates[1:], self.certificates[-1])
        for certificate, issuer in zip(self.certificates, issuers, strict=True):
            if self.anchored or certificate is not issuer:
                yield certificate, issuer


def build_chain(
    signer: Link, untrusted: Sequence[Link], anchors: Sequence[Link], budget: Budget
) -> Chain:
    """Find a chain from `signer` to a self-signed certificate among `anchors`.

    ESXi 6.7 takes no other end: a signer or an intermediate in the store without its root is
    refused; a signer that is itself such a root is taken (vib-format 6, tried on 6.7). What the
    signature brings along (`untrusted`) and what else stands in the store may link them.

    Raises:
        LimitError: the budget of the signed file is spent on signatures.
    """
    found = _Search(untrusted, anchors, budget).run(signer)
    strangers = tuple(one.subject for one in untrusted if one not in found.certificates)
    return replace(found, strangers=strangers)


class _Search:
    """A depth-first search that never visits a certificate twice on one path."""

    def __init__(self, untrusted: Sequence[Link], anchors: Sequence[Link], budget: Budget) -> None:
        self._budget = budget
        self._known = tuple(dict.fromkeys((*anchors, *untrusted)))
        self._anchors = {anchor.sha256 for anchor in anchors}
        self._checks = 0
        self._best: tuple[Link, ...] = ()
        self._too_deep = False

    def run(self, signer: Link) -> Chain:
        found = self._extend((signer,))
        if found:
            return Chain(certificates=found, anchored=True)
        return Chain(certificates=self._best, anchored=False, reason=self._why_not())

    def _extend(self, path: tuple[Link, ...]) -> tuple[Link, ...]:
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

    def _issued(self, issuer: Link, child: Link) -> bool:
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
