"""Builds components: `python -m wasaga.build order.py -o order.wasm`.

It installs componentize-py of a pinned version into an environment of its own, shows its errors with
the file and line of the user's code, and leaves nothing beside the component. What was built before from
the same files is given again, byte for byte: componentize-py draws a hash seed for each component that it
makes, so that two are never alike. With `--all DIR` it builds the file of every guest in a directory,
those that have changed. It runs with a usual Python; the only module of this package that does.
"""

from __future__ import annotations

import argparse
import hashlib
import keyword
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from wasaga import _absent, _relink
from wasaga._version import VERSION

COMPONENTIZE = "componentize-py==0.25.1"
"""What is installed. A newer one may bring another Python, so it is a decision."""
KEPT_MAX = 16
"""Components that are kept, of some 20 MB each: enough for the projects that someone works on at a time."""
WORLD = "wasaga:python/guest@0.1.0"
_APP = "wasaga_app"
_SDK = Path(__file__).parent


class BuildError(Exception):
    """Why there is no component, as it is shown to the user."""


@dataclass(frozen=True, slots=True)
class Job:
    """One component.

    Attributes:
        file: the user's.
        output: where it goes.
        paths: what else it may import from.
        kept: where components are kept for the next time; None keeps none.
        fresh: whether it is built also where one was kept.
    """

    file: Path
    output: Path
    paths: tuple[Path, ...] = field(default=())
    kept: Path | None = None
    fresh: bool = False


def tools(directory: Path | None = None) -> Path:
    """Give the Python of the private environment, made where it is not there yet.

    Args:
        directory: where it is kept; default: `wasaga` in the user's cache.

    Raises:
        BuildError: it cannot be made, with what pip says.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = f"{COMPONENTIZE.replace('==', '-')}-python{sys.version_info[0]}.{sys.version_info[1]}"
    home = (directory or Path(cache).expanduser() / "wasaga") / name
    python = home / "bin" / "python"
    if python.exists():
        return python
    _say(f"installing {COMPONENTIZE} into {home}")
    home.parent.mkdir(parents=True, exist_ok=True)
    # To another name and renamed, so that one that was interrupted is not taken for a whole one.
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".making-") as made:
        made_python = Path(made) / "venv" / "bin" / "python"
        _must([sys.executable, "-P", "-m", "venv", str(Path(made) / "venv")], "make a virtual environment")
        pip = [str(made_python), "-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPONENTIZE]
        _must(pip, f"install {COMPONENTIZE}")
        try:
            (Path(made) / "venv").rename(home)
        except OSError:
            if not python.exists():  # Otherwise somebody else was faster.
                raise
    return python


def _must(command: list[str], what: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own words.
    if ran.returncode != 0:
        raise BuildError(f"cannot {what}:\n{(ran.stderr or ran.stdout).strip()}")


def build(job: Job, python: Path) -> None:
    """Build one component.

    Args:
        job: what.
        python: of the environment that `tools` gives.

    Raises:
        BuildError: the user's file is wrong; the message has its file and line.
    """
    if not job.file.is_file():
        raise BuildError(f"{job.file}: there is no such file")
    name = job.file.stem
    if not name.isidentifier() or keyword.iskeyword(name):
        remedy = f"name the file as a Python module: `{_module(name)}.py`"
        raise BuildError(f"{job.file}: `{name}` cannot be imported ({remedy})")
    if name == "wasaga" or name in sys.stdlib_module_names:
        raise BuildError(f"{job.file}: `{name}` hides a module of that name (give the file another one)")
    job.output.parent.mkdir(parents=True, exist_ok=True)
    kept = None if job.kept is None else job.kept / f"{digest(job)}.wasm"
    if kept is not None and kept.is_file() and not job.fresh:
        kept.touch()  # The oldest go first.
        _place(kept, job.output)
        return
    with tempfile.TemporaryDirectory(prefix="wasaga-build-") as staged:
        stage = Path(staged)
        shutil.copytree(_SDK, stage / "wasaga", ignore=shutil.ignore_patterns("__pycache__"))
        (stage / f"{_APP}.py").write_text(_app(name), encoding="utf-8")
        made = stage / "made.wasm"
        paths = [job.file.parent.resolve(), stage, *(path.resolve() for path in job.paths)]
        _componentize(python, paths, made)
        _hasten(made)
        if kept is not None:
            _keep(made, kept)
        _place(made, job.output)


_KEEPS = b'"instances":{"calls":'
"""What the document of a module says that keeps its instances; it stands in the component as it is."""


def _hasten(made: Path) -> None:
    """Make instances of a component faster to make, at the cost of a tenth of each call: not where they are kept."""
    component = made.read_bytes()
    if _KEEPS not in component:
        made.write_bytes(_relink.relink(component))


def _place(made: Path, output: Path) -> None:
    """Copy and rename, so that whoever watches the file sees it whole."""
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    shutil.copyfile(made, part)
    part.replace(output)


def _keep(made: Path, kept: Path) -> None:
    """Keep a component for the next time, and let the oldest go. Without a place to keep it, it is built anew then."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        _place(made, kept)
        oldest = sorted(kept.parent.glob("*.wasm"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in oldest[KEPT_MAX:]:
            path.unlink(missing_ok=True)
    except OSError as error:
        _say(f"warning: the component cannot be kept for the next time: {error}")


def _module(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _app(name: str) -> str:
    """Write the module that componentize-py takes: the exports, and the user's module."""
    return (
        "import sys\n"
        "sys.dont_write_bytecode = True\n"
        "from wasaga._component import Compensation, Metadata, Participant, Step, start\n"
        f"start({name!r})\n"
    )


def _componentize(python: Path, paths: list[Path], output: Path) -> None:
    command = [
        str(python),
        "-P",
        "-c",
        "from componentize_py import script; script()",
        "--world",
        WORLD,
        "componentize",
    ]
    for path in paths:
        command += ["--python-path", str(path)]
    command += ["--output", str(output), _APP]
    environment = {**os.environ, "VIRTUAL_ENV": str(python.parent.parent), "RUST_BACKTRACE": "0"}
    environment.pop("PYTHONPATH", None)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if ran.returncode != 0:
        raise BuildError(explain(ran.stderr or ran.stdout, paths))


_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line \d+')


def explain(said: str, paths: list[Path]) -> str:
    """Make of what componentize-py says what concerns the user, with files by their real names."""
    said = said.partition("AssertionError: ")[2] or said
    said = said.partition("\n\nCaused by:")[0].partition("\n\nStack backtrace:")[0].strip()
    head, _, rest = said.partition("wasaga.errors.DefinitionError: ")
    text = rest if rest and head.startswith("Traceback") else "\n".join(_users(said.splitlines()))
    if missing := re.search(r"No module named '(\w+)", text):
        pure = f"where `{missing[1]}` is pure Python: `--path` with the directory that it is in"
        remedy = _absent.of_module(text) or pure
        text += f"\n({remedy})"
    return re.sub(r"(?<![\w/.])/(\d+)/", lambda found: _real(found, paths), text)


def _real(found: re.Match[str], paths: list[Path]) -> str:
    number = int(found[1])
    if number >= len(paths):
        return found[0]
    try:
        return f"{paths[number].relative_to(Path.cwd())}/".removeprefix("./")
    except ValueError:
        return f"{paths[number]}/"


def _users(lines: list[str]) -> list[str]:
    """Leave out the frames of a traceback that are not the user's."""
    kept, skipping = [], False
    for line in lines:
        frame = _FRAME.match(line)
        if frame:
            skipping = frame["file"].startswith(("/1/", "/python/", "<frozen"))
        elif not line.startswith("    "):
            skipping = False
        if not skipping:
            kept.append(line)
    return kept


def jobs_in(directory: Path, output: Path) -> list[Job]:
    """Find the guests of a directory: in `fan-out/` the file `fan_out.py`, or `x.py` itself for files.

    Raises:
        BuildError: there is none.
    """
    folders = [path for path in sorted(directory.iterdir()) if path.is_dir()]
    files = [folder / f"{_module(folder.name)}.py" for folder in folders]
    found = [Job(file, output / f"{file.stem}.wasm") for file in files if file.is_file()]
    if not found:
        raise BuildError(f"{directory}: no guest in it (a guest is a folder `fan-out` with a file `fan_out.py`)")
    return found


def digest(job: Job) -> str:
    """Give the digest of all that a component is made from: what its files may import or read while it is built."""
    hashed = hashlib.sha256(f"{COMPONENTIZE} {WORLD} {VERSION} {job.file.name}\0".encode())
    for root in (job.file.parent, _SDK, *job.paths):
        hashed.update(b"\0root\0")
        for path in _files(root):
            content = path.read_bytes()
            hashed.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()


def _files(root: Path) -> list[Path]:
    """Give the files below a directory, without what no component is made from: hidden ones, environments, results."""
    found = []
    for directory, names, files in os.walk(root):
        inner = Path(directory)
        usable = (name for name in names if not name.startswith(".") and name != "__pycache__")
        names[:] = [name for name in usable if not (inner / name / "pyvenv.cfg").exists()]
        found += [inner / name for name in files if not name.startswith(".") and not name.endswith((".wasm", ".pyc"))]
    return sorted(path for path in found if path.is_file())


def build_changed(job: Job, python: Path) -> bool:
    """Build a component unless it is there and nothing has changed. Gives whether it was built.

    Raises:
        BuildError: as `build`.
    """
    stamp = job.output.with_name(f".{job.output.stem}.inputs")
    now = digest(job)
    if job.output.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == now:
        return False
    begun = time.monotonic()
    build(job, python)
    stamp.write_text(now, encoding="utf-8")
    _say(f"{summary(job.output)}  {time.monotonic() - begun:.1f} s")
    return True


def summary(output: Path) -> str:
    """Give the name, the size and the digest of a component."""
    content = output.read_bytes()
    return f"{output.name}  {len(content) / (1 << 20):.1f} MiB  sha256:{hashlib.sha256(content).hexdigest()[:12]}…"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 -- this is a command.


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Gives its exit code: 0, or 1 where something could not be built."""
    parser = argparse.ArgumentParser(prog="python -m wasaga.build", description="Build components from Python files.")
    parser.add_argument("file", type=Path, nargs="?", help="the file with the saga or the TCC, such as order.py")
    parser.add_argument("-o", "--output", type=Path, help="where the component goes; with --all a directory")
    parser.add_argument("--all", type=Path, metavar="DIR", help="build every guest in a directory that has changed")
    parser.add_argument("--path", type=Path, action="append", default=[], help="another directory to import from")
    parser.add_argument("--tools", type=Path, help="where componentize-py is kept (default: the user's cache)")
    parser.add_argument("--fresh", action="store_true", help="build it, also where the same files were built before")
    parser.add_argument("--jobs", type=int, default=2, help="with --all: how many at once (default: 2)")
    given = parser.parse_args(arguments)
    if (given.file is None) == (given.all is None):
        parser.error("give one file, or --all and a directory")
    try:
        python = tools(given.tools)
        if given.all is not None:
            return _all(jobs_in(given.all, given.output or Path("target/guests/python")), python, given.jobs)
        output = given.output or given.file.with_suffix(".wasm")
        job = Job(given.file, output, tuple(given.path), python.parents[2] / "components", given.fresh)
        build(job, python)
        _say(summary(job.output))
    except BuildError as error:
        _say(f"error: {error}")
        return 1
    return 0


def _all(jobs: list[Job], python: Path, at_once: int) -> int:
    def one(job: Job) -> str | None:
        try:
            build_changed(job, python)
        except BuildError as error:
            return f"error: {job.file}: {error}"
        return None

    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        errors = [error for error in pool.map(one, jobs) if error]
    for error in errors:
        _say(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
