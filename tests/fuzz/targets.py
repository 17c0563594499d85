"""What is fed with mutated bytes: every reader of bytes from elsewhere."""

from tests.fuzz.of_keys import KEYS
from tests.fuzz.of_networks import NETWORKS
from tests.fuzz.of_packages import PACKAGES
from tests.fuzz.of_settings import SETTINGS
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {**PACKAGES, **KEYS, **NETWORKS, **SETTINGS}
