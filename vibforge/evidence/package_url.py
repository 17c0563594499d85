"""Package URLs of VIBs, by packageurl-python, which cyclonedx-python-lib brings."""

from packageurl import PackageURL

from vibforge.evidence.contents import ListedVib
from vibforge.evidence.words import one_line


def package_url(vib: ListedVib) -> PackageURL | None:
    """Return the package URL of a VIB, of type `generic`; None if its name cannot stand in one.

    No type is registered for VIBs.
    """
    descriptor = vib.descriptor
    if not one_line(descriptor.name).strip("/"):
        return None
    return PackageURL(
        type="generic",
        namespace=one_line(descriptor.vendor) or None,
        name=one_line(descriptor.name),
        version=one_line(descriptor.version) or None,
        qualifiers={"checksum": f"sha256:{vib.digests.sha256}"},
    )
