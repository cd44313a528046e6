"""What the builder shows of an error, what it takes for a change, and what the package ships."""

import subprocess
from pathlib import Path

import pytest

import wasaga
from wasaga import _document, _relink, build
from wasaga._table import Description

ROOT = Path(wasaga.__file__).parents[4]

SAID = """Traceback (most recent call last):
  File "/tmp/venv/bin/componentize-py", line 8, in <module>
    sys.exit(script())
AssertionError: Traceback (most recent call last):
  File "/1/wasaga_app.py", line 4, in <module>
    start('order')
    ~~~~~^^^^^^^^^
  File "/1/wasaga/_component.py", line 50, in start
    importlib.import_module(module)
  File "/python/importlib/__init__.py", line 88, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "/0/order.py", line 7, in <module>
    import requests
ModuleNotFoundError: No module named 'requests'


Caused by:
    ModuleNotFoundError: No module named 'requests'

Stack backtrace:
   0: <anyhow::Error>::msg
"""


def test_an_exception_is_shown_with_the_users_frames(tmp_path: Path) -> None:
    assert build.explain(SAID, [tmp_path, Path("/stage")]) == (
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/order.py", line 7, in <module>\n'
        "    import requests\n"
        "ModuleNotFoundError: No module named 'requests'\n"
        "(it needs sockets: use `wasaga.http`, which is called in the same manner)"
    )


def test_a_definition_error_is_shown_alone(tmp_path: Path) -> None:
    said = SAID.replace(
        "ModuleNotFoundError: No module named 'requests'",
        "wasaga.errors.DefinitionError: saga `order` has a mistake\n  /0/order.py:12: step `a`: wrong",
    )
    assert build.explain(said, [tmp_path, Path("/stage")]) == (
        f"saga `order` has a mistake\n  {tmp_path}/order.py:12: step `a`: wrong"
    )


def test_a_file_that_cannot_be_a_module_is_refused(tmp_path: Path) -> None:
    def refused(name: str, *, there: bool = True) -> str:
        if there:
            (tmp_path / name).write_text("", encoding="utf-8")
        with pytest.raises(build.BuildError) as error:
            build.build(build.Job(tmp_path / name, tmp_path / "x.wasm"), Path("python"))
        return str(error.value)

    assert refused("my-order.py").endswith("(name the file as a Python module: `my_order.py`)")
    assert refused("json.py").endswith("`json` hides a module of that name (give the file another one)")
    assert refused("gone.py", there=False).endswith("there is no such file")


def test_a_change_of_any_input_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "fan-out"
    folder.mkdir()
    (folder / "fan_out.py").write_text("a = 1", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (job,) = build.jobs_in(tmp_path, tmp_path / "made")
    assert job.output == tmp_path / "made" / "fan_out.wasm"
    before = build.digest(job)
    assert build.digest(job) == before
    (folder / "helper.py").write_text("b = 1", encoding="utf-8")
    assert build.digest(job) != before


def test_all_that_may_be_read_is_an_input_and_nothing_else(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / "parts").mkdir(parents=True)
        (folder / "shop.py").write_text("a = 1", encoding="utf-8")
        (folder / "other.py").write_text("b = 1", encoding="utf-8")
        (folder / "parts" / "prices.csv").write_text("tea,590", encoding="utf-8")
    one, two = (build.Job(folder / "shop.py", folder / "shop.wasm") for folder in (here, there))
    assert build.digest(one) == build.digest(two), "wherever it lies"
    assert build.digest(one) != build.digest(build.Job(here / "other.py", here / "shop.wasm"))
    before = build.digest(one)
    for path in (".venv/x.py", "env/pyvenv.cfg", "env/y.py", "parts/__pycache__/z.pyc", "shop.wasm", ".git/HEAD"):
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text("no input", encoding="utf-8")
    assert build.digest(one) == before
    (here / "parts" / "prices.csv").write_text("tea,600", encoding="utf-8")
    assert build.digest(one) != before


def test_what_was_built_from_the_same_files_is_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def componentize(python: Path, paths: list[Path], output: Path) -> None:
        built.append(paths)
        output.write_bytes(b"component %d" % len(built))

    monkeypatch.setattr(build, "_componentize", componentize)
    monkeypatch.setattr(build, "KEPT_MAX", 2)
    source, kept = tmp_path / "shop.py", tmp_path / "kept"

    def made(text: str, *, fresh: bool = False) -> bytes:
        source.write_text(text, encoding="utf-8")
        build.build(build.Job(source, tmp_path / "shop.wasm", (), kept, fresh), Path("python"))
        return (tmp_path / "shop.wasm").read_bytes()

    assert [made("a = 1"), made("a = 2"), made("a = 1")] == [b"component 1", b"component 2", b"component 1"]
    assert [made("a = 1", fresh=True), made("a = 1")] == [b"component 3", b"component 3"], "or built anew"
    made("a = 3")
    assert len(list(kept.iterdir())) == 2, "the oldest go"
    assert not list(tmp_path.rglob("*.part")), "and nothing is left beside"


def test_nothing_to_build_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(build.BuildError, match="no guest in it"):
        build.jobs_in(tmp_path, tmp_path)
    assert build.main([str(tmp_path / "gone.py"), "--tools", str(tmp_path)]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_the_contract_that_is_shipped_is_the_contract() -> None:
    ours = Path(wasaga.__file__).parent / "wit" / "deps" / "guest" / "wasaga.wit"
    assert ours.read_text(encoding="utf-8") == (ROOT / "wit" / "0.1" / "wasaga.wit").read_text(encoding="utf-8")


def test_what_lies_in_the_folder_is_not_what_the_build_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S20: `python -m` takes a `json.py` of the current folder in the place of the library's."""
    commands = []

    def ran(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no")

    monkeypatch.setattr(subprocess, "run", ran)
    with pytest.raises(build.BuildError):
        build.tools(tmp_path)
    with pytest.raises(build.BuildError):
        build._componentize(Path("python"), [], tmp_path / "x.wasm")
    assert len(commands) == 2
    assert all(command[1] == "-P" for command in commands)


@pytest.mark.parametrize(("said", "relinked"), [('{"wasaga":"0.1"}', True), ('{"instances":{"calls":10}}', False)])
def test_only_a_module_with_fresh_instances_is_relinked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, relinked: bool
) -> None:
    made = tmp_path / "made.wasm"
    made.write_bytes(said.encode())
    monkeypatch.setattr(_relink, "relink", lambda component: component + b" relinked")
    build._hasten(made)
    assert made.read_bytes().endswith(b" relinked") is relinked


def test_the_document_says_of_kept_instances_what_the_build_looks_for() -> None:
    kept = Description("x", None, "", "sdk", calls=10)
    assert build._KEEPS in _document.text(kept).encode()
