"""runner.config → typed Settings. Sections of the user's own are handed to jobs as they are.

All mistakes are told together, with line and column. `apply` reads flags with the same readers, so that a
flag and the file accept and refuse the same words.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from shareout.choices import Background, Barriers, Level, Numerics, Order, Progress
from shareout.errors import InputError, Place, UsageError, nearest, one_apart, raise_all
from shareout.fields import dataclass
from shareout.json_places import read_text
from shareout.settings_table import BY_NAME, SECTIONS, SPLITTER, SPLITTERS, TABLE, Setting
from shareout.settings_values import Every, Halt, SlotCount, Timeout
from shareout.units import parse_duration, parse_filesize

# configparser's own format and not TOML: job-splitter's users bring their files, and every value is a text that a
# flag can say as well.
FILE = "runner.config"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """[run]: what is run, in which order, how many at once, and what a job needs. Memory in bytes."""

    pool: str
    seed: str
    since: str
    order: Order
    slots: SlotCount | None
    cores_per_job: Fraction
    gpus_per_job: Fraction
    memory_per_job: int | None
    needs: tuple[str, ...]
    cost: str
    nice: int
    audit: Fraction
    barriers: Barriers
    numerics: Numerics

    def slots_on(self, cores: int) -> int:
        """Places where jobs run on so many cores: cores // cores per job, unless it is said."""
        return self.slots.of(cores) if self.slots else max(1, int(cores // self.cores_per_job))

    @property
    def is_portable(self) -> bool:
        """Whether jobs are to find the same bits on unequal CPUs."""
        return self.numerics is Numerics.PORTABLE


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """[commands]: how a row becomes a command line, which shell runs it, and what of its output is kept."""

    template: str
    colsep: str
    literal: bool
    shell: str
    keep_lines: str
    background: Background


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """[limits]: when a job is ended or tried again, and when a run stops. Times in seconds, memory in bytes."""

    timeout: Timeout | None
    memory: int | None
    retries: int
    retry_delay: float
    retry_memory_factor: Fraction
    halt: Halt | None
    until: str
    grace: float
    delay: float
    memory_free: int | None
    load: SlotCount | None


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """[join]: where machines share the work, and after how many seconds of silence one counts as dead."""

    at: str
    dead: float


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """[logging]: what is logged, and after how many bytes a segment is full."""

    level: Level
    segment: int
    per_job: bool


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """[display]: how a run shows itself; `interval` in seconds."""

    progress: Progress
    interval: float


@dataclass(frozen=True, slots=True)
class HookSettings:
    """[hooks]: commands of the user's own at certain moments; `limit` in seconds."""

    on_finish: str
    on_failure: str
    on_progress: str
    progress_every: Every
    limit: float


@dataclass(frozen=True, slots=True)
class ResultSettings:
    """[results]: what results are called in the merged table, and what that has beside them."""

    columns: tuple[str, ...]
    table: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that runner.config and the flags say; `parser` is what a job receives as `config`."""

    run: RunSettings
    commands: CommandSettings
    limits: LimitSettings
    join: JoinSettings
    logging: LoggingSettings
    display: DisplaySettings
    hooks: HookSettings
    results: ResultSettings
    user: Mapping[str, Mapping[str, str]]
    parser: configparser.ConfigParser
    texts: Mapping[str, str]
    """What was written for each of our settings, by `section.key`; only those that were."""
    path: Path | None


# One class a section, in the order of the table's sections.
CLASSES: dict[str, Any] = {
    "run": RunSettings,
    "commands": CommandSettings,
    "limits": LimitSettings,
    "join": JoinSettings,
    "logging": LoggingSettings,
    "display": DisplaySettings,
    "hooks": HookSettings,
    "results": ResultSettings,
}


def load_settings(configs: Path) -> Settings:
    """The settings of a configs folder; without the file, the defaults."""
    path = configs / FILE
    if _is_missing(path):
        return _typed(_parser(), {}, {}, None)
    # Editors of Windows put a byte order mark before it.
    text = read_text(path).removeprefix("\ufeff")
    parser = _parse(path, text)
    reader = _Reader(path, text, parser)
    reader.check()
    raise_all(reader.in_order())
    return _typed(parser, reader.texts, reader.user, path)


def _is_missing(path: Path) -> bool:
    """Only when it is surely not there: a folder that may not be searched is told by whoever reads the file."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def apply(settings: Settings, flags: Mapping[str, str]) -> Settings:
    """Flags over the file: `section.key` → the text that was given."""
    for name, text in flags.items():
        try:
            # Read to be refused by the flag's own name; `_typed` reads it again among all others.
            _read(BY_NAME[name], text)
        except ValueError as error:
            flag = "--" + name.partition(".")[2].replace("_", "-")
            raise UsageError(f"{flag}: {error}") from None
    return _typed(settings.parser, {**settings.texts, **flags}, settings.user, settings.path)


def digest_text(settings: Settings) -> bytes:
    """The canonical form of what decides what a job is; empty when nothing of it is set."""
    # Only what is not the default: a setting that a later version adds leaves every digest of today as it is.
    ours = {
        name: text
        for name, text in settings.texts.items()
        if name.startswith("commands.") and text != BY_NAME[name].default
    }
    if not ours and not settings.user:
        return b""
    document = {"settings": ours, "user": {section: dict(keys) for section, keys in settings.user.items()}}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _parser() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        interpolation=configparser.ExtendedInterpolation(),
        converters={"filesize": parse_filesize, "duration": parse_duration},
        default_section="DEFAULT",
    )
    # Keys of the user's own sections keep their case, for they are handed to jobs; ours are looked up without it.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def _parse(path: Path, text: str) -> configparser.ConfigParser:
    parser = _parser()
    try:
        parser.read_string(text, str(path))
    except configparser.DuplicateOptionError as error:
        what = f'"{error.option}" is set twice in [{error.section}]'
        raise InputError(what, where=Place(str(path), error.lineno or 0)) from None
    except configparser.DuplicateSectionError as error:
        raise InputError(f"[{error.section}] stands here twice", where=Place(str(path), error.lineno or 0)) from None
    except configparser.MissingSectionHeaderError as error:
        where = Place(str(path), error.lineno, 1, error.line.rstrip("\n"))
        raise InputError("a [section] must come before the first setting", where=where) from None
    except configparser.ParsingError as error:
        raise_all(
            [
                InputError(
                    "is neither `key = value` nor a [section]",
                    where=Place(str(path), line, 1, _line(text, line)),
                )
                for line, _ in error.errors
            ]
        )
    return parser


def _line(text: str, number: int) -> str:
    return text.split("\n")[number - 1].rstrip("\r") if number else ""


def _typed(
    parser: configparser.ConfigParser,
    texts: Mapping[str, str],
    user: Mapping[str, Mapping[str, str]],
    path: Path | None,
) -> Settings:
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for setting in TABLE:
        values[setting.section][setting.key] = _read(setting, texts.get(setting.name) or setting.default)
    sections = {section: CLASSES[section](**keys) for section, keys in values.items()}
    return Settings(**sections, user=user, parser=parser, texts=texts, path=path)


def _read(setting: Setting, text: str) -> Any:
    return setting.unset if text == "" else setting.read(text)


class _Reader:
    """Checks a parsed file against the table and collects its mistakes."""

    def __init__(self, path: Path, text: str, parser: configparser.ConfigParser) -> None:
        self.path = path
        self.lines = text.split("\n")
        self.parser = parser
        self.texts: dict[str, str] = {}
        self.user: dict[str, dict[str, str]] = {}
        self.seen: set[str] = set()
        self.mistakes: list[InputError] = []

    def check(self) -> None:
        """Reads every section. Nothing is raised: what is wrong is collected."""
        defaults = set(self.parser.defaults())
        for section in self.parser.sections():
            # The user's own sections are welcome, so a mistyped one of ours would be taken for such and do nothing,
            # silently.
            close = nearest(section, SECTIONS)
            if section not in SECTIONS and (section.strip().lower() in SECTIONS or _is_slip(section)):
                self._wrong(section, None, f"there is no section [{section}]{close}")
                continue
            for key in self.parser[section]:
                text = self._value(section, key)
                if section not in SECTIONS:
                    self.user.setdefault(section, {})[key] = text
                elif key not in defaults or f"{section}.{key}" in BY_NAME:
                    self._ours(section, key, text)
            if section not in SECTIONS:
                self.user.setdefault(section, {})

    def in_order(self) -> list[InputError]:
        """As they stand in the file; a value of [DEFAULT] is met in every section, and is told once."""
        told = {str(one): one for one in self.mistakes if one.where is not None and not one.where.line}
        placed = {(one.where.line, one.what): one for one in self.mistakes if one.where is not None and one.where.line}
        return [*told.values(), *(placed[key] for key in sorted(placed))]

    def _ours(self, section: str, key: str, text: str) -> None:
        # Only in a file that is job-splitter's own, which its [ProgressPool] tells: elsewhere such a key is a slip.
        if self.parser.has_section(SPLITTER) and f"{section}.{key}" in SPLITTERS:
            key = SPLITTERS[f"{section}.{key}"]
            if not key:
                return
        setting = BY_NAME.get(f"{section}.{key.lower()}")
        if setting is None:
            known = [one.key for one in TABLE if one.section == section]
            self._wrong(section, key, f'"{key}" is not a setting of [{section}]{nearest(key, known)}')
            return
        if setting.name in self.seen:
            self._wrong(section, key, f'"{setting.key}" is set twice in [{section}]')
            return
        self.seen.add(setting.name)
        try:
            _read(setting, text)
        except ValueError as error:
            self._wrong(section, key, f"{key}: {error}")
            return
        if text != "":
            self.texts[setting.name] = text

    def _value(self, section: str, key: str) -> str:
        try:
            return self.parser.get(section, key)
        except configparser.InterpolationMissingOptionError as error:
            place = re.escape(f"${{{error.reference}}}")
            self._wrong(section, key, f"{key}: ${{{error.reference}}} names nothing that is set", f"({place})")
        except configparser.InterpolationDepthError:
            self._wrong(section, key, f"{key}: its ${{…}} go round in a circle")
        except configparser.InterpolationSyntaxError:
            self._wrong(section, key, f"{key}: a $ is written $$, or starts a ${{section:option}}", LONE_DOLLAR)
        return ""

    def _wrong(self, section: str, key: str | None, what: str, at: str = "") -> None:
        """`at`: where in its line, as a group of a regular expression; else where the line begins."""
        line = self._find(section, key)
        text = self.lines[line - 1].rstrip("\r") if line else None
        column = len(text) - len(text.lstrip()) + 1 if text is not None else 0
        if at and text is not None and (found := re.search(at, text)):
            column = found.start(1) + 1
        self.mistakes.append(InputError(what, where=Place(str(self.path), line, column, text)))

    def _find(self, section: str, key: str | None) -> int:
        """The line of a setting, in its section or in [DEFAULT]."""
        return self._find_in(section, key) or self._find_in(self.parser.default_section, key)

    def _find_in(self, section: str, key: str | None) -> int:
        current = ""
        # configparser keeps no line numbers: a place is looked for when there is something to tell of it.
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\[(.+)\]", line)
            current = header[1] if header else current
            if current == section and (
                (key is None and header) or (key is not None and re.match(rf"\s*{re.escape(key)}\s*[=:]", line))
            ):
                return number
        return 0


LONE_DOLLAR = r"(?<!\$)(?:\$\$)*(\$)(?!\$)(?!\{[^}]*\})"


def _is_slip(section: str) -> bool:
    """Whether a section's name is most likely one of ours mistyped: `[limit]`, `[comands]`."""
    return any(section.lower() in (name[:-1], name + "s") or one_apart(section.lower(), name) for name in SECTIONS)
