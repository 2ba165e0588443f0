"""Is a file of the kind that it is read as? What is compressed, binary or a table would be read as odd commands."""

from __future__ import annotations

from pathlib import Path

from shareout.errors import InputError, Place
from shareout.pool.compressed import plain_name, text_of

# How a file begins, what it then is, and how its lines come out of it.
_BEGINNINGS = (
    (b"\x1f\x8b", "is compressed by gzip", "zcat {} | … run -"),
    (b"BZh", "is compressed by bzip2", "bzcat {} | … run -"),
    (b"\xfd7zXZ\0", "is compressed by xz", "xzcat {} | … run -"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd", "zstdcat {} | … run -"),
    (b"PK\x03\x04", "is a zip archive or a spreadsheet", "save it as CSV"),
    (b"\xff\xfe", "is UTF-16 text", "iconv -f UTF-16 -t UTF-8 {} > FILE"),
    (b"\xfe\xff", "is UTF-16 text", "iconv -f UTF-16 -t UTF-8 {} > FILE"),
    (b"\x7fELF", "is a program", "name a file of its jobs"),
    (b"SQLite format 3\0", "is an SQLite database", "save the rows as CSV"),
    (b"PAR1", "is a Parquet table", "save it as CSV"),
)
_ENDINGS = {
    ".json": "JSON: an array or object a line is a .jsonl, axes are a .grid.json, templates a .groups.json",
    ".yaml": "YAML: write the jobs as JSON lines, CSV or commands",
    ".yml": "YAML: write the jobs as JSON lines, CSV or commands",
    ".toml": "TOML: write the jobs as JSON lines, CSV or commands",
    ".tsv": "a table: save it as CSV, or add --colsep '\\t' --template 'myprog {1} {2}'",
    ".xlsx": "a spreadsheet: save it as CSV",
    ".parquet": "a Parquet table: save it as CSV",
    ".py": "a Python program: run it by Python, and name a file of jobs here",
    ".tar": "an archive: name a file of jobs",
    ".tgz": "an archive: name a file of jobs",
    ".ipynb": "a notebook: name a file of jobs",
}


def refuse_what_is_no_text(path: Path) -> None:
    """By its first bytes. Pipes have been read by whoever was given them."""
    if not path.is_file():
        return
    try:
        with text_of(path).open("rb") as file:
            begin = file.read(16)
    except OSError:
        return
    for sign, what, way_out in _BEGINNINGS:
        if begin.startswith(sign):
            shown = way_out.format(path).replace("…", "shareout")
            raise InputError(f"{what}, not text", where=Place(str(path)), way_out=f"As: {shown}")


def refuse_what_is_no_task_file(path: Path, *, has_columns: bool) -> None:
    """By its name. `has_columns`: it was said how to part its lines."""
    ending = Path(plain_name(path)).suffix
    if ending in _ENDINGS and not (has_columns and ending == ".tsv"):
        kind, _, advice = _ENDINGS[ending].partition(": ")
        raise InputError(
            f"by its name this is {kind}, and it would be read as a command a line",
            where=Place(str(path)),
            way_out=f"{advice[0].upper()}{advice[1:]}; --as txt says that its lines are meant.",
        )
