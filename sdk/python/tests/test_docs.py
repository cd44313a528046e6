"""The pages about Python say what is: their blocks are files, imported, described and tested."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wasaga

SOURCE = Path(wasaga.__file__).parents[1]
DOCS = SOURCE.parents[2] / "docs"
BLOCK = re.compile(r"^```python\n# (?P<name>\w+\.py)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["python.md", "patterns.md"])
def test_the_blocks_of_a_page(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python\n"), "every block says which file it is"
    for name, code in blocks:
        (tmp_path / name).write_text(code, encoding="utf-8")
    for name, _ in blocks:
        if not name.startswith("test_"):
            describe = f"import {name[:-3]}; from wasaga import _registry; _registry.describe({name[:-3]!r})"
            check(["-W", "error", "-c", describe], tmp_path)
    check(["-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], tmp_path)


def check(arguments: list[str], directory: Path) -> None:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={"PYTHONPATH": f"{SOURCE}:{directory}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
