"""Change the code in small ways and see whether a test fails: `make mutants`.

mutmut makes the mutants, runs the tests that reach each, and keeps the results in `mutants/`
(`mutmut results` and `mutmut show NAME` read them). Two things are added to it here: a sample that
is the same on each machine, and mutants of the functions under `@rule` and `@property`, which
mutmut leaves alone because it cannot know what a decorator does with a copy of its function.
"""

import argparse
import os
from binascii import crc32
from collections.abc import Iterable, Sequence
from pathlib import Path

import libcst as cst
import mutmut.__main__ as mutmut
from mutmut.mutation import file_mutation
from mutmut.mutation.data import SourceFileMutationData

DECORATORS = frozenset({"rule", "property", "contextmanager"})
"""They take a function and nothing else happens to it, so that a mutant may stand in its place."""
_KILLED = {1, 3}
"""mutmut's results where a test failed; the others are no news of a test, a timeout among them."""

_Statements = Sequence[file_mutation.MODULE_STATEMENT]
_Arranged = tuple[_Statements, _Statements, _Statements, Sequence[str]]


def _name(decorator: cst.Decorator) -> str:
    called = decorator.decorator
    inner = called.func if isinstance(called, cst.Call) else called
    return str(inner.value) if isinstance(inner, cst.Name) else ""


def mutate_decorated_functions() -> None:
    """Let mutmut mutate the functions under DECORATORS; only the trampoline keeps the decorator."""
    arrange = file_mutation.function_trampoline_arrangement
    visitor = file_mutation.MutationVisitor
    skips = visitor._skip_node_and_children  # noqa: SLF001 - mutmut has no setting for it

    def skip(self: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
        bare = node
        if isinstance(node, cst.FunctionDef) and {_name(d) for d in node.decorators} <= DECORATORS:
            bare = node.with_changes(decorators=())
        return bool(skips(self, bare))

    def arranged(
        function: cst.FunctionDef,
        mutants: Iterable[file_mutation.Mutation],
        class_name: str | None,
    ) -> _Arranged:
        if not {_name(d) for d in function.decorators} & DECORATORS:
            as_ever: _Arranged = arrange(function, mutants, class_name)
            return as_ever
        bare = function.with_changes(decorators=())
        before, (trampoline, *copies), after, names = arrange(bare, mutants, class_name)
        kept = [*function.decorators, *trampoline.decorators]
        return before, [trampoline.with_changes(decorators=kept), *copies], after, names

    visitor._skip_node_and_children = skip  # noqa: SLF001 - as above
    file_mutation.function_trampoline_arrangement = arranged


def take_a_sample(every: int, *, survivors: bool) -> None:
    """Let mutmut run one mutant in `every`, chosen by its name alone.

    Those without a result are run, or with `survivors` those that no test failed on.
    """
    collect = mutmut.collect_source_file_mutation_data

    def sampled(
        *, mutant_names: tuple[str, ...] | list[str]
    ) -> tuple[
        list[tuple[SourceFileMutationData, str, int | None]],
        dict[str, SourceFileMutationData],
    ]:
        mutants, files = collect(mutant_names=mutant_names)
        return [
            (data, name, result)
            for data, name, result in mutants
            if (result not in {None, *_KILLED} if survivors else result is None)
            and crc32(name.encode()) % every == 0
        ], files

    mutmut.collect_source_file_mutation_data = sampled


def main() -> None:
    """Run the mutants whose names match."""
    parser = argparse.ArgumentParser(prog="python tests/mutants.py", description=__doc__)
    parser.add_argument("names", nargs="*", help="like 'vibforge.formats.ar*'; all if left out")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="run one mutant in N")
    parser.add_argument("--survivors", action="store_true", help="run those that survived again")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="run N at a time")
    chosen = parser.parse_args()
    # The tests run in a copy of the checkout, from which the corpus is not a neighbour.
    os.environ.setdefault("VIBFORGE_CORPUS", str(Path.cwd().parent / "shared" / "corpus"))
    mutate_decorated_functions()
    take_a_sample(chosen.every, survivors=chosen.survivors)
    # Without names mutmut would take no result for wanting to be made anew.
    mutmut._run(chosen.names or ["vibforge.*"], chosen.processes)  # noqa: SLF001 - what `mutmut run` does


if __name__ == "__main__":
    main()
