"""What a machine's numbers depend on: told the same on every machine of the same kind, and apart on others."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from shareout.numerics import machine
from shareout.numerics.machine import cpu_of, kind_of_numerics, numerics_of_this_machine
from shareout.numerics.pins import NAMES, job_environment, pins

V2 = "fpu sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm"
V3 = f"{V2} xsave avx f16c fma movbe abm bmi1 avx2 bmi2"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


def x86(vendor: str, flags: str) -> str:
    first = (
        f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: 6\nmodel name\t: One: of theirs\nflags\t\t: {flags}\n"
    )
    return f"{first}\nprocessor\t: 1\nvendor_id\t: Other\nflags\t\t: fpu\n"


@pytest.mark.parametrize(
    ("vendor", "flags", "told"),
    [
        ("AuthenticAMD", V3, "AMD x86-64-v3"),
        ("GenuineIntel", V4, "Intel x86-64-v4"),
        ("GenuineIntel", f"{V4} avx512_bf16", "Intel x86-64-v4+bf16"),
        ("GenuineIntel", V2, "Intel x86-64-v2"),
        ("GenuineIntel", V4.replace("bmi2", ""), "Intel x86-64-v2"),
        ("TCGTCGTCGTCG", "fpu sse2", "TCGTCGTCGTCG x86-64"),
    ],
)
def test_a_class_is_a_maker_and_a_level(vendor: str, flags: str, told: str) -> None:
    assert cpu_of(x86(vendor, flags), "x86_64") == ("One: of theirs", told)


def test_arm_is_told_by_its_maker_and_its_vectors() -> None:
    said = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd {}\nCPU implementer\t: {}\nCPU part\t: 0xd0c\n"
    assert cpu_of(said.format("aes", "0x41"), "aarch64") == ("Arm part 0xd0c", "Arm arm64-neon")
    assert cpu_of(said.format("sve sve2", "0x41"), "aarch64") == ("Arm part 0xd0c", "Arm arm64-sve2")
    assert cpu_of(said.format("sve", "0x7f"), "aarch64")[1] == "0x7f arm64-sve"
    assert cpu_of(said.format("sve", "odd"), "aarch64")[1] == "odd arm64-sve"


@pytest.mark.parametrize("text", ["", "no colon\n", "processor : 0\nhart : 1\nisa : rv64imafdc\n"])
def test_a_cpu_that_says_nothing_is_at_least_of_its_architecture(text: str) -> None:
    assert cpu_of(text, "riscv64") == ("riscv64", "riscv64")


def test_this_machine_is_told_in_texts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = numerics_of_this_machine({}, is_portable=True).facts()
    assert set(facts) == {"cpu", "cpu_class", "libc", "numerics", "pinned"}
    assert all(type(value) is str for value in facts.values())
    assert facts["numerics"] == "portable"
    monkeypatch.setattr(machine, "CPUINFO", machine.CPUINFO.with_name("none"))
    assert numerics_of_this_machine({}, is_portable=False).cpu_class == platform.machine()


def test_of_another_architecture_nothing_is_pinned_that_is_not_there() -> None:
    assert "MKL_CBWR" in pins({}, "x86_64")
    assert "MKL_CBWR" not in pins({}, "aarch64")
    assert "GLIBC_TUNABLES" not in pins({}, "aarch64")
    assert pins({}, "riscv64") == {}


def test_what_the_user_decided_stands_and_is_told() -> None:
    own = {"OPENBLAS_CORETYPE": "Haswell", "NPY_ENABLE_CPU_FEATURES": "AVX2", "HOME": "/"}
    assert not set(pins(own, "x86_64")) & {"OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"}
    assert job_environment(own, 1, is_portable=True)["OPENBLAS_CORETYPE"] == "Haswell"
    found = numerics_of_this_machine(own, is_portable=True)
    assert found.own == "OPENBLAS_CORETYPE=Haswell NPY_ENABLE_CPU_FEATURES=AVX2"
    assert "OPENBLAS_CORETYPE" not in found.pinned
    assert numerics_of_this_machine(own, is_portable=False).own == found.own


def test_an_empty_variable_decides_nothing() -> None:
    assert pins({"MKL_CBWR": ""}, "x86_64") == pins({}, "x86_64")
    assert job_environment({"MKL_CBWR": ""}, 1, is_portable=True).get("MKL_CBWR") == pins({}).get("MKL_CBWR", "")


def test_what_a_portable_run_around_it_has_set_is_nobodys_own_choice() -> None:
    alone = numerics_of_this_machine({}, is_portable=True)
    assert numerics_of_this_machine(pins({}), is_portable=True) == alone


def test_jobs_of_native_runs_find_what_the_user_has() -> None:
    assert not set(NAMES) & set(job_environment({"HOME": "/"}, 1, is_portable=False))


def test_unlike_cpus_are_of_one_kind_when_all_is_pinned() -> None:
    zen = {"cpu_class": "AMD x86-64-v3", "libc": "glibc 2.36", "numerics": "native"}
    lake = {**zen, "cpu_class": "Intel x86-64-v4"}
    assert kind_of_numerics(zen) == "AMD x86-64-v3, glibc 2.36"
    assert kind_of_numerics(zen) != kind_of_numerics(lake)
    pinned = {"numerics": "portable", "pinned": "MKL_CBWR=COMPATIBLE"}
    assert kind_of_numerics({**zen, **pinned}) == kind_of_numerics({**lake, **pinned}) == "portable, glibc 2.36"
    assert kind_of_numerics({**zen, **pinned, "libc": "glibc 2.31"}) != kind_of_numerics({**zen, **pinned})
    own = {**pinned, "own": "OPENBLAS_CORETYPE=Haswell"}
    assert kind_of_numerics({**zen, **own}) != kind_of_numerics({**lake, **own})
    assert kind_of_numerics({}) == ""


def test_numpy_loads_with_the_pins_and_says_nothing() -> None:
    """It refuses to load where a feature is disabled that it was built upon."""
    call = "import numpy; from numpy._core._multiarray_umath import __cpu_features__ as f, __cpu_baseline__ as b\n"
    call += "print(*sorted({name for name in f if f[name]} & {'X86_V3', 'X86_V4', 'SVE', 'ASIMDDP'}))"
    done = subprocess.run(
        [sys.executable, "-c", call], env=pins({}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
