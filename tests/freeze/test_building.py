"""What cannot be built is told in words: with its line, before PyInstaller is asked where that is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.program import Machine
from shareout.freeze.build import oldest_glibc
from shareout.freeze.imports import LIGHT, Need, read_imports

RUN = "from shareout import run\nif __name__ == '__main__':\n    run(print, pool=[1])\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def job(:\n", "entry.py:1:9: is not valid Python"),
        ("x = '\0'\n", "entry.py: is not valid Python: source code string cannot contain null bytes"),
        ("from shareout import run\ndef job(n): return n\n", "entry.py: never calls run()"),
        ("print('no word of it')\n", "entry.py: never calls run()"),
        (RUN + "import os, no_such_module.part\n", "entry.py:4: imports no_such_module.part, which this Python"),
        (RUN + "import beside\n", "beside.py:2: imports nor_this_one, which this Python"),
        (RUN + "import package.broken\n", "package/broken.py:1:2: is not valid Python"),
        (RUN + "from package import broken\n", "package/broken.py:1:2: is not valid Python"),
        (RUN + "import package.inner\n", "package/broken.py:1:2: is not valid Python"),
    ],
)
def test_an_entry_that_could_not_start_is_refused_at_once(here: Machine, text: str, sentence: str) -> None:
    here.write("beside.py", "import json\nimport nor_this_one\n")
    here.write("package/__init__.py", "")
    here.write("package/broken.py", "((")
    here.write("package/inner.py", "from . import broken\n")
    here.write("entry.py", text)
    assert sentence in here.call("freeze", "entry.py", code=2).err.replace("\n", " ")
    assert not (here.folder / "build").exists()


def test_what_is_asked_for_and_not_there_is_refused(here: Machine) -> None:
    here.write("entry.py", RUN)
    assert "cannot be read" in here.call("freeze", "nothing.py", code=2).err
    assert "there is no model.bin" in here.call("freeze", "entry.py", "--data", "model.bin:.", code=2).err
    assert "--with numpi: this Python" in here.call("freeze", "entry.py", "--with", "json numpi", code=2).err


def test_imports_are_told_by_what_their_absence_would_cost(tmp_path: Path) -> None:
    entry = tmp_path / "entry.py"
    entry.write_text(
        "import a\n"
        "try:\n    import b\nexcept ImportError:\n    import c\n"
        "if TYPE_CHECKING:\n    import d\n"
        "def job():\n    import e.deep\n"
        "class Holder:\n    import f\n"
        "if __name__ == '__main__':\n    from g import h\n"
    )
    needs = {one.name: one.need for one in read_imports(entry).imports}
    always, some, none = Need.START, Need.SOMETIMES, Need.NONE
    assert needs == {"a": always, "b": none, "c": none, "d": none, "e.deep": some, "f": always, "g": some}


def test_only_an_entry_that_keeps_to_the_small_parts_of_python_is_made_lean(tmp_path: Path) -> None:
    entry = tmp_path / "entry.py"
    for text, is_light in (("import math, json", True), ("import ssl", False), ("import logging.handlers", False),
                           ("from concurrent.futures import ProcessPoolExecutor", False), ("import numpy", False),
                           ("try:\n    import lzma\nexcept ImportError:\n    pass", False)):  # fmt: skip
        entry.write_text(text)
        assert read_imports(entry).is_light == is_light, text
    assert "multiprocessing" not in LIGHT


def test_the_oldest_glibc_is_the_newest_symbol_that_any_file_asks_for(tmp_path: Path) -> None:
    (tmp_path / "one.so").write_bytes(b"\x7fELF\0GLIBC_2.4\0GLIBC_9.30\0GLIBC_9.4\0")
    (tmp_path / "text").write_bytes(b"\0GLIBC_9.99\0")
    assert oldest_glibc([tmp_path / "one.so", tmp_path / "text"]) == "9.30"
