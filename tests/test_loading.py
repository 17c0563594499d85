"""Modules that are loaded when something in them is first used."""

import subprocess
import sys

import pytest

LATE = "from vibforge.signing import strict_rules\nimport sys\n"
IS_LATE = "type(sys.modules['vibforge.signing.strict_rules']).__name__"


def told(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.stdout.strip()


def test_a_module_is_loaded_when_it_is_first_asked_for_something() -> None:
    script = f"{LATE}print({IS_LATE}); strict_rules.signature_reasons; print({IS_LATE})"
    assert told(script).split() == ["_LateModule", "module"]


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_threads_none_finds_a_module_half_loaded(attempt: int) -> None:
    script = (
        f"{LATE}from threading import Barrier, Thread\n"
        "sys.setswitchinterval(1e-6)\n"
        "barrier, found = Barrier(8), []\n"
        "def ask():\n"
        "    barrier.wait()\n"
        "    found.append(strict_rules.signature_reasons)\n"
        "threads = [Thread(target=ask) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(len(found), len(set(found)))"
    )
    assert told(script).split() == ["8", "1"], attempt


def test_a_module_that_fails_to_load_says_so_each_time() -> None:
    script = (
        "import sys\n"
        "from vibforge.signing import strict_rules\n"
        "sys.modules['vibforge.signing.path'] = None\n"
        "for _ in range(2):\n"
        "    try: strict_rules.signature_reasons\n"
        "    except ImportError: print('failed')"
    )
    assert told(script).split() == ["failed", "failed"]


def test_without_the_extras_all_loads_but_what_needs_them() -> None:
    script = (
        "import pkgutil, sys\n"
        "for extra in ('hypercorn', 'starlette', 'h11', 'pkcs11'): sys.modules[extra] = None\n"
        "import vibforge\n"
        "from vibforge.loading import load_now\n"
        "for module in pkgutil.walk_packages(vibforge.__path__, 'vibforge.'):\n"
        "    try: module.name.endswith('__main__') or load_now(module.name)\n"
        "    except ImportError: print(module.name)"
    )
    assert told(script).split() == ["vibforge.bundle.serve"]
