"""What is left out of large programs: by rules that give way to what an entry names or cannot do without."""

from __future__ import annotations

from shareout.freeze import inside, leaving_out


def test_every_rule_has_a_reason_and_no_module_has_two() -> None:
    names = [name for rule in leaving_out.RULES for name in rule.names]
    assert len(names) == len(set(names))
    assert all(rule.why for rule in leaving_out.RULES)
    assert not any("." in name for name in names), "parts of packages are reached by names made at run time"


def test_what_is_named_stays_and_what_it_cannot_do_without() -> None:
    assert {"matplotlib", "pyarrow", "setuptools"} <= set(leaving_out.excluded({"numpy"}))
    assert "matplotlib" not in leaving_out.excluded({"numpy", "matplotlib"})
    # PyInstaller's own metadata says that it needs setuptools, which holds pkg_resources as well.
    assert not {"setuptools", "pkg_resources"} & set(leaving_out.excluded({"PyInstaller"}))
    assert {"prompt_toolkit", "wcwidth"} <= leaving_out.required({"questionary"})


def test_what_is_installed_and_left_out_is_told_with_its_reason() -> None:
    lines = leaving_out.told({"numpy"})
    assert any("pytest" in line and line.endswith("name for their own") for line in lines)
    assert not any("pyqt" in line.lower() for line in lines), "it is not installed here"


def test_tests_of_installed_packages_are_left_out_and_nothing_else() -> None:
    site = "/x/site-packages"
    parts = [
        ("numpy.linalg.tests.test_it", f"{site}/numpy/linalg/tests/test_it.py", "PYMODULE"),
        ("numpy/tests/data/a.csv", f"{site}/numpy/tests/data/a.csv", "DATA"),
        ("numpy.testing", f"{site}/numpy/testing/__init__.py", "PYMODULE"),
        ("tests", "/home/me/tests.py", "PYMODULE"),
        ("mine.tests.x", "/home/me/mine/tests/x.py", "PYMODULE"),
    ]
    assert [name for name, _, _ in leaving_out.without_tests(parts)] == ["numpy.testing", "tests", "mine.tests.x"]


def test_the_table_has_the_ten_largest_and_what_the_rest_is() -> None:
    made = inside.table([(f"part{number}", (20 - number) * 10**6) for number in range(14)])
    assert len(made.splitlines()) == 11
    assert made.splitlines()[0].split() == ["part0", "20.0", "MB"]
    assert made.splitlines()[-1].split() == ["4", "more", "34.0", "MB"]


def test_files_count_for_the_package_that_they_came_with() -> None:
    assert inside._package("numpy.libs/libscipy_openblas.so") == inside._package("numpy/linalg/x.so") == "numpy"
    assert inside._package("libpython3.11.so.1.0") == inside._package("lib-dynload/_json.so") == inside.PYTHON
    assert inside._package("libcrypto.so.3") == "libcrypto"
