"""The CI kit: linters find nothing in it, and every step of its workflows runs in a clean folder.

What a forge does itself is replaced: checkout by a clone, artifacts by a copy, `gh` by a script
that writes down its arguments, and GitLab's package registry by a server on this machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import requires
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import CHECKOUT
from vibforge.formats.ar import MAGIC

EXAMPLES = CHECKOUT / "examples"
WORKFLOWS = [
    *sorted((EXAMPLES / "github").glob("*.yml")),
    *sorted((CHECKOUT / ".github/workflows").glob("*.yml")),
]
ACTION = CHECKOUT / "action.yml"
GITLAB = EXAMPLES / "gitlab/.gitlab-ci.yml"
SECRET = "the-passphrase-of-the-test"  # noqa: S105 - made up, to see where it goes
HOSTILE = (
    "$(touch injected)",
    "`touch injected`",
    "1.0-1; touch injected",
    "1.0-1\n::set-output name=vib::x",
    "' || touch injected '",
    '" && touch injected "',
    "--output=/injected",
    "${{ github.token }}",
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the steps are for shells of Unix")


def run(*words: str | Path, folder: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [*map(str, words)], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Return the path of a program of `make integration`; skip without it."""

    def find(name: str) -> str:
        extra = str(CHECKOUT / ".workflows/bin")
        found = shutil.which(name, path=f"{os.environ['PATH']}:{extra}")
        if found is None:
            pytest.skip(f"no {name}: `make integration` installs it")
        return found

    return find


# What has to hold of the text of each workflow.


def steps_of(file: Path) -> Iterator[dict[str, Any]]:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if file == ACTION:
        yield from document["runs"]["steps"]
    for job in document.get("jobs", {}).values():
        yield from job["steps"]


@pytest.mark.parametrize("file", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_expression_is_part_of_a_script(file: Path) -> None:
    for step in steps_of(file):
        assert "${{" not in step.get("run", ""), step["name"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_and_checkout_keeps_no_credentials(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for step in steps_of(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    assert all("permissions" in job for job in document["jobs"].values())


def test_the_own_workflow_tests_what_the_project_is_for() -> None:
    document = yaml.safe_load((CHECKOUT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = document["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert [system.partition("-")[0] for system in matrix["system"]] == [
        "ubuntu",
        "macos",
        "windows",
    ]
    tier = next(
        step["run"] for step in document["jobs"]["tests"]["steps"] if step.get("name") == "Tests"
    )
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    second = re.search(r"^SECOND_TIER := (.*)$", makefile, re.MULTILINE)
    assert second
    assert f'-m "not ({second[1]})"' in tier


def test_secrets_are_in_no_argument() -> None:
    """A secret is named in an environment, or its file is copied; no command gets its value."""
    for file in (EXAMPLES / "github/release.yml", GITLAB):
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.lstrip().startswith(("#", "SIGNING_")):
                assert not re.search(r"\$\{?SIGNING_PASSPHRASE|\$\{?GH_TOKEN", line), line


@pytest.mark.workflows
def test_actionlint_finds_nothing(tool: Callable[[str], str]) -> None:
    done = subprocess.run(
        [tool("actionlint"), *WORKFLOWS], capture_output=True, text=True, check=False, cwd=CHECKOUT
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.workflows
def test_zizmor_finds_nothing(tool: Callable[[str], str]) -> None:
    command = [tool("zizmor"), "--offline", "--persona", "pedantic", "--format", "json"]
    done = subprocess.run(
        [*command, *WORKFLOWS, ACTION], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.workflows
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ACTION]),
        ("vendor.gitlab-ci", [GITLAB]),
    ],
)
def test_the_schemas_of_the_forges_hold(
    schema: str, files: list[Path], tool: Callable[[str], str]
) -> None:
    run(tool("check-jsonschema"), "--builtin-schema", schema, *files, folder=CHECKOUT)


# A repository as the examples expect it, and a Python with nothing but pip.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=CHECKOUT)
    (found,) = folder.glob("*.whl")
    return found


def closure(texts: list[str]) -> set[str]:
    """Return the names of distributions and of all that they need here."""
    names: set[str] = set()
    waiting = [Requirement(text) for text in texts]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name not in names and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            names.add(name)
            waiting += map(Requirement, requires(name) or ())
    return names


def locked(wheel: Path) -> str:
    """Return a requirements.txt with the wheel and what it needs, each with its digests."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["evidence"]]
    names = closure(wanted)
    lock = (CHECKOUT / "requirements-dev.lock").read_text(encoding="utf-8")
    blocks = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==.*(?:\n .*)*", lock, re.MULTILINE)
    kept = [block for block in blocks if re.split(r"[\[=]", block)[0] in names]
    digest = run("sha256sum", wheel, folder=wheel.parent).split()[0]
    own = f"vibforge[evidence] @ {wheel.as_uri()} --hash=sha256:{digest}"
    return "\n".join([own, *kept]) + "\n"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a Python as setup-python brings it."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=True)
    return folder / "bin"


@pytest.fixture
def environment(
    tmp_path: Path, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The variables of a clean job; pip's own stay, for they say where the index is."""
    for name in ("home", "bin", "runner"):
        (tmp_path / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    kept.setdefault("PIP_CACHE_DIR", str(tmp_path_factory.getbasetemp().parent / "pip"))
    path = f"{tmp_path / 'bin'}:{python}:/usr/local/bin:/usr/bin:/bin"
    identity = {
        f"GIT_{who}_{what}": f"{what.lower()}@example.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    own = {"PATH": path, "HOME": str(tmp_path / "home"), "LC_ALL": "C", "CI": "true"}
    return {**kept, **identity, **own, "GIT_CONFIG_NOSYSTEM": "1"}


def stub(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


ALLOWED = """
[[allow]]
rule = "VF218"
because = "TRX reads the file at this path alone; the hosts are installed with -f"
"""


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str], wheel: Path) -> Path:
    """A repository with a project, certificates and a lock file, tagged v1.2.0."""
    origin = tmp_path / "origin"
    (origin / "packages").mkdir(parents=True)
    ours = [sys.executable, "-m", "vibforge"]
    run(*ours, "init", origin / "packages/trx-conf", folder=tmp_path)
    recipe = origin / "packages/trx-conf/vibforge.toml"
    recipe.write_text(recipe.read_text() + ALLOWED)
    run(*ours, "pki", "init", tmp_path / "ca", folder=tmp_path)
    level = ["--acceptance-level", "partner"]
    run(*ours, "pki", "issue", tmp_path / "ca", "ci", *level, folder=tmp_path)
    run(*ours, "pki", "export", tmp_path / "ca", "-o", tmp_path / "store", folder=tmp_path)
    (origin / "certs").mkdir()
    shutil.copy(tmp_path / "ca/signers/ci.pem", origin / "certs/signer.pem")
    shutil.copy(tmp_path / "store/vmpartner.cert", origin / "certs/root.pem")
    (origin / "requirements.txt").write_text(locked(wheel))
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["commit", "--quiet", "--message=One package"],
        ["tag", "v1.2.0"],
    ):
        run("git", *words, folder=origin, env=environment)
    return origin


@pytest.fixture
def key(tmp_path: Path, repository: Path) -> str:  # noqa: ARG001 - it makes the CA
    """The signer's key, encrypted."""
    words = ["openssl", "pkey", "-aes256", "-passout", "env:P"]
    source = tmp_path / "ca/signers/ci.key"
    return run(*words, "-in", source, folder=tmp_path, env=os.environ | {"P": SECRET})


def clone(repository: Path, to: Path, env: Mapping[str, str]) -> Path:
    run("git", "clone", "--quiet", "--branch=v1.2.0", repository, to, folder=repository, env=env)
    return to


class GitHub:
    """Runs the `run:` steps of a workflow's job in a folder."""

    def __init__(self, workspace: Path, runner: Path, env: Mapping[str, str]) -> None:
        self.workspace = workspace
        self.outputs = runner / "outputs"
        self.outputs.touch()
        self.env = {
            **env,
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_REF_NAME": "v1.2.0",
            "RUNNER_TEMP": str(runner),
        }

    def step(
        self, step: Mapping[str, Any], expressions: Mapping[str, str], shell: str = "bash -e"
    ) -> "subprocess.CompletedProcess[str]":
        given = {name: _filled(value, expressions) for name, value in step.get("env", {}).items()}
        return subprocess.run(
            [*shell.split(), "-c", step["run"]],
            cwd=self.workspace,
            env=self.env | given,
            capture_output=True,
            text=True,
            check=False,
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with GitHub's expressions replaced by their values."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: values[match[1]], str(text))


def require(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the output of a step that must not fail; skip where pip reaches no index."""
    if done.returncode and re.search(r"No matching distribution|NewConnectionError", done.stderr):
        pytest.skip("pip reaches no package index")
    assert done.returncode == 0, f"{done.args[-1]}\n{done.stdout}\n{done.stderr}"
    assert SECRET not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.workflows
@pytest.mark.slow
def test_every_step_of_githubs_examples_runs(
    tmp_path: Path, environment: dict[str, str], repository: Path, key: str
) -> None:
    stub(tmp_path / "bin", "gh", f'printf "%s\\n" "$@" >"{tmp_path}/gh"')
    (tmp_path / "runner/check").mkdir()
    check = yaml.safe_load((EXAMPLES / "github/check.yml").read_text(encoding="utf-8"))
    release = yaml.safe_load((EXAMPLES / "github/release.yml").read_text(encoding="utf-8"))
    workspace = clone(repository, tmp_path / "check", environment)
    forge = GitHub(workspace, tmp_path / "runner", environment | check["env"])
    said = [
        require(forge.step(step, {})) for step in check["jobs"]["check"]["steps"] if "run" in step
    ]
    assert "::warning file=packages/trx-conf/vibforge.toml,line=" in said[1]

    workspace = clone(repository, tmp_path / "release", environment)
    forge = GitHub(workspace, tmp_path / "runner", environment | release["env"])
    values = {
        "secrets.SIGNING_KEY": key,
        "secrets.SIGNING_PASSPHRASE": SECRET,
        "github.token": "t",
        "github.server_url": "https://forge.example",
        "github.repository": "acme/vibs",
    }
    for step in release["jobs"]["build"]["steps"]:
        if "run" in step:
            require(forge.step(step, values))
    made = workspace / "dist"
    assert (made / "custom_bootbank_trx-conf_1.2.0-1.vib").read_bytes().startswith(MAGIC)
    assert key.splitlines()[1] not in "".join(
        path.read_text(errors="replace") for path in workspace.rglob("*") if path.is_file()
    )
    shutil.copytree(made, tmp_path / "publish/dist")
    forge = GitHub(tmp_path / "publish", tmp_path / "runner", environment | release["env"])
    for step in release["jobs"]["publish"]["steps"]:
        if "run" in step:
            require(forge.step(step, values))
    published = (tmp_path / "gh").read_text().splitlines()
    assert published[:3] == ["release", "create", "v1.2.0"]
    assert {"dist/SHA256SUMS", "dist/provenance.dsse.json", "dist/sbom.cdx.json"} <= set(published)


class _Registry(BaseHTTPRequestHandler):
    """Keeps what is uploaded, if the token is right."""

    received: dict[str, bytes]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        right = self.headers["JOB-TOKEN"] == "job-token"
        if right:
            self.received[self.path] = data
        self.send_response(201 if right else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Stay silent."""


@pytest.fixture
def registry() -> Iterator[tuple[str, dict[str, bytes]]]:
    received: dict[str, bytes] = {}
    handler = type("Handler", (_Registry,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4", received
        server.shutdown()


@pytest.mark.workflows
@pytest.mark.slow
def test_every_step_of_gitlabs_example_runs(
    tmp_path: Path,
    environment: dict[str, str],
    repository: Path,
    key: str,
    registry: tuple[str, dict[str, bytes]],
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    stub(tmp_path / "bin", "apt-get", "exit 0")  # the tools are here
    (tmp_path / "key-variable").write_text(key)
    pipeline = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))
    workspace = clone(repository, tmp_path / "builds", environment)
    address, received = registry
    variables = {
        "CI_PROJECT_DIR": str(workspace),
        "CI_PROJECT_URL": "https://forge.example/acme/vibs",
        "CI_PROJECT_ID": "7",
        "CI_COMMIT_TAG": "v1.2.0",
        "CI_API_V4_URL": address,
        "CI_JOB_TOKEN": "job-token",
        "SIGNING_KEY": str(tmp_path / "key-variable"),
        "SIGNING_PASSPHRASE": SECRET,
    }
    for name in ("check", "build", "publish"):
        job = pipeline.get(pipeline[name].get("extends"), {}) | pipeline[name]
        own = pipeline["variables"] | job.get("variables", {})
        env = environment | variables | {"PROJECT": own["PROJECT"]}
        for part in ("script", "after_script"):
            lines = [*(job["before_script"] if part == "script" else ()), *job.get(part, ())]
            done = subprocess.run(
                ["sh", "-e", "-c", "\n".join(lines)],
                cwd=workspace,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            require(done)
    report = json.loads((workspace / "gl-code-quality-report.json").read_text())
    places = {each["location"]["path"] for each in report}
    assert places == {"packages/trx-conf/vibforge.toml"}
    assert not (workspace / ".signing").exists()
    assert not (workspace / ".token").exists()
    base = "/api/v4/projects/7/packages/generic/vib/v1.2.0/"
    assert f"{base}custom_bootbank_trx-conf_1.2.0-1.vib" in received
    assert {f"{base}SHA256SUMS", f"{base}provenance.dsse.json"} <= received.keys()


@pytest.mark.workflows
@pytest.mark.slow
def test_the_action_builds_and_takes_no_input_for_a_command(
    tmp_path: Path, environment: dict[str, str], repository: Path
) -> None:
    document = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    install, lint, build = document["runs"]["steps"]
    workspace = clone(repository, tmp_path / "workspace", environment)
    defaults = {f"inputs.{name}": each["default"] for name, each in document["inputs"].items()}
    inputs = defaults | {"inputs.project": "packages/trx-conf", "github.action_path": str(CHECKOUT)}
    forge = GitHub(workspace, tmp_path / "runner", environment)
    bash = "bash --noprofile --norc -eo pipefail"
    require(forge.step(install, inputs, bash))
    assert "::warning file=packages/trx-conf/vibforge.toml" in require(
        forge.step(lint, inputs, bash)
    )
    wanted = {"inputs.version": "v1.2.0", "inputs.bundle": "true", "inputs.level": "community"}
    require(forge.step(build, inputs | wanted, bash))
    outputs = forge.outputs.read_text()
    assert "dist/custom_bootbank_trx-conf_1.2.0-1.vib\n" in outputs
    assert re.search(r"sha256<<(\w{32})\n[0-9a-f]{64}\n\1\n", outputs)
    for step in (lint, build):
        for name in re.findall(r"inputs\.(project|version|level|output|bundle|esxi)", str(step)):
            for hostile in HOSTILE:
                before = forge.outputs.read_text()
                changed = inputs | {f"inputs.{name}": hostile, "inputs.unsigned": "true"}
                done = forge.step(step, changed, bash)
                stopped = done.stdout.find("::stop-commands::")
                commands = re.search(r"^::set-output", done.stdout, re.MULTILINE)
                assert commands is None or 0 <= stopped < commands.start(), hostile
                if name != "output":  # a folder may have any name
                    assert done.returncode, (name, hostile)
                    assert forge.outputs.read_text() == before
    assert not [path for path in tmp_path.rglob("injected*") if path.is_file()]


@pytest.mark.workflows
@pytest.mark.slow
def test_pre_commit_runs_the_hooks(
    tmp_path: Path, environment: dict[str, str], repository: Path, tool: Callable[[str], str]
) -> None:
    hooks = tmp_path / "hooks"
    shutil.copytree(
        CHECKOUT,
        hooks,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", ".*_cache", ".linuxptp", ".workflows", "dist"
        ),
    )
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=hooks"]):
        run("git", *words, folder=hooks, env=environment)
    workspace = clone(repository, tmp_path / "workspace", environment)
    second = workspace / "more/etc/vmware/trx.conf"
    second.parent.mkdir(parents=True)
    second.write_text("ptp4l:nonsense 1\n")
    run("git", "add", ".", folder=workspace, env=environment)

    def attempt(hook: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [tool("pre-commit"), "try-repo", str(hooks), hook, "--all-files", "--verbose"],
            cwd=workspace,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    found = attempt("vibforge-trx-check")
    if "No matching distribution" in found.stdout or "ConnectionError" in found.stdout:
        pytest.skip("pip reaches no package index")
    assert found.returncode == 1
    assert "more/etc/vmware/trx.conf:1:7: error" in found.stdout
    assert "packages/trx-conf/payloads/trxconf/etc/vmware/trx.conf: good" in found.stdout
    run("git", "rm", "--quiet", "--force", "-r", "more", folder=workspace, env=environment)
    assert attempt("vibforge-trx-check").returncode == 0
    bad = attempt("vibforge-lint")
    assert bad.returncode == 1, bad.stdout  # the root of this repository is no project
