"""What goes along with scientific packages and is never reached from a run: rules, each with its reason.

A rule gives way where the entry names the module, where `--with` does, or where a package that the entry imports cannot
do without it (as its own metadata says). What a job asks for all the same fails it with the `--with` that mends it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from importlib import metadata

from shareout.fields import dataclass

Part = tuple[str, str, str]
"""As PyInstaller has it: the name inside, the file here, its kind."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Modules, with all below them, and why no run has them."""

    names: tuple[str, ...]
    why: str


RULES = (
    Rule(
        ("pytest", "_pytest", "hypothesis", "nose", "coverage", "unittest2"),
        "tools of tests, which libraries name for their own",
    ),
    Rule(
        ("PyQt5", "PyQt6", "PySide2", "PySide6", "wx", "gi", "tkinter", "_tkinter", "turtle"),
        "windows: what runs here has no screen",
    ),
    Rule(
        ("IPython", "ipykernel", "ipywidgets", "jupyter", "jupyterlab", "notebook", "nbformat", "nbconvert", "jedi"),
        "notebooks: there is none in an executable",
    ),
    Rule(
        ("pip", "setuptools", "wheel", "pkg_resources", "distutils", "ensurepip", "_distutils_hack"),
        "what installs packages: nothing is installed where it runs",
    ),
    Rule(("sphinx", "docutils", "numpydoc", "pydoc_data", "mkdocs"), "what makes documentation"),
    Rule(
        (
            "adbc_driver_manager", "bottleneck", "botocore", "bs4", "cupy", "dask", "fastparquet", "fsspec", "gcsfs",
            "html5lib", "jax", "jinja2", "lxml", "matplotlib", "numba", "numexpr", "odf", "openpyxl", "PIL", "polars",
            "psycopg2", "pyarrow", "pymysql", "pyreadstat", "python_calamine", "pyxlsb", "s3fs", "sqlalchemy",
            "sparse", "tables", "tensorflow", "torch", "xarray", "xlrd", "xlsxwriter",
        ),
        "backends that pandas, scipy and numpy use where they are asked for by name",
    ),
)  # fmt: skip


def excluded(wanted: Collection[str]) -> list[str]:
    """All that the rules name, but for what is wanted, or what that cannot do without."""
    # Whole packages alone: numpy and scipy reach nearly all of their own parts by names made at run time.
    tops = {name.partition(".")[0] for name in wanted}
    kept = tops | required(tops)
    return sorted(name for rule in RULES for name in rule.names if name not in kept)


def told(wanted: Collection[str]) -> list[str]:
    """A line a rule, with what of it is installed here, and so was left out."""
    here, names = set(metadata.packages_distributions()), set(excluded(wanted))
    found = ((sorted(names & here & set(rule.names)), rule.why) for rule in RULES)
    return [f"{', '.join(left)}: {why}" for left, why in found if left]


def required(tops: Iterable[str]) -> set[str]:
    """The top modules of all that these need, as their packages' metadata tells, optional extras apart."""
    owners = metadata.packages_distributions()
    modules: dict[str, set[str]] = {}
    for top, names in owners.items():
        for name in names:
            modules.setdefault(_plain(name), set()).add(top)
    todo = [_plain(name) for top in tops for name in owners.get(top, ())]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _needs_of(name)
    return {top for name in seen for top in modules.get(name, ())}


def _needs_of(name: str) -> list[str]:
    try:
        needs = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    return [_plain(match[0]) for one in needs if "extra ==" not in one if (match := re.match(r"[\w.-]+", one))]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def without_tests(parts: Sequence[Part]) -> list[Part]:
    """Without the tests of installed packages, their modules and their files: nobody runs them there."""
    return [part for part in parts if not _is_test(*part)]


def _is_test(name: str, source: str, kind: str) -> bool:
    # By the folder `tests` alone: `testing` is what libraries import for their users.
    return "site-packages" in (source or "") and "tests" in re.split(r"[./\\]", name)[1:]
