"""One table makes the starting file, the reader and the page; only what decides jobs is in the digest."""

from __future__ import annotations

from pathlib import Path

from kit.program import Machine
from shareout.config import apply, digest_text, load_settings
from shareout.settings_table import TABLE, documented, starting_text

ROOT = Path(__file__).parents[2]


def settings_of(folder: Path, text: str) -> bytes:
    (folder / "runner.config").write_text(text)
    return digest_text(load_settings(folder))


def test_the_starting_file_reads_as_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "runner.config").write_text(starting_text())
    assert not load_settings(tmp_path).texts
    uncommented = "\n".join(
        line.removeprefix("# ") if "=" in line and line.startswith("# ") and line.split()[1] in KEYS else line
        for line in starting_text().splitlines()
    )
    (tmp_path / "runner.config").write_text(uncommented)
    assert load_settings(tmp_path).run == load_settings(tmp_path / "nowhere").run
    assert load_settings(tmp_path).limits == load_settings(tmp_path / "nowhere").limits


KEYS = {one.key for one in TABLE}


def test_what_jobs_are_covers_commands_and_the_users_sections_only(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "") == b""
    assert settings_of(tmp_path, "[limits]\nretries = 3\n[display]\nprogress = none\n[run]\nnice = 5\n") == b""
    one = settings_of(tmp_path, "[model]\nsize = 10\nkind = x\n[commands]\ntemplate = f {}\n")
    assert one == settings_of(tmp_path, "# moved\n[commands]\ntemplate: f {}\n[model]\nkind = x\nsize=10\n")
    assert one != settings_of(tmp_path, "[model]\nsize = 11\nkind = x\n[commands]\ntemplate = f {}\n")
    assert settings_of(tmp_path, "[run]\naudit = 1%\n") == b""


def test_jobs_receive_converters_and_interpolation(tmp_path: Path) -> None:
    (tmp_path / "runner.config").write_text(
        "[mine]\nsize = 2MiB\nwait = 1h\nboth = ${size}/${other:x}\n[other]\nx = 7\n"
    )
    parser = load_settings(tmp_path).parser
    assert parser["mine"].getfilesize("size") == 2 << 20  # type: ignore[attr-defined]
    assert parser["mine"].getduration("wait") == 3600  # type: ignore[attr-defined]
    assert parser["mine"]["both"] == "2MiB/7"


def test_a_flag_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "runner.config").write_text("[limits]\nretries = 3\n")
    settings = load_settings(tmp_path)
    assert apply(settings, {"limits.retries": "5"}).limits.retries == 5
    assert settings.limits.retries == 3


def test_init_overwrites_nothing_and_its_set_is_in_configs(here: Machine) -> None:
    here.write("configs/machines.json", '{"mine": [1, 1]}')
    told = here.call("init")
    assert "kept   configs/machines.json" in told.out
    assert (here.folder / "configs" / "machines.json").read_text() == '{"mine": [1, 1]}'
    for name in ("runner.config", "jobs.txt"):
        assert (here.folder / "configs" / name).read_bytes() == (ROOT / "configs" / name).read_bytes()
    here.call("plan")


def test_the_settings_page_is_current() -> None:
    assert documented() in (ROOT / "docs" / "settings.md").read_text()
