"""What is installed: the commands, the versions that are named, the wheel in a folder of its own."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import httpx
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from PIL import Image

import core.__main__
import metastyle
from core import paths
from core.inference.model_store import ModelStore, model_store
from core.models.registry import parameter_counts
from core.program import Command, Program, called_as
from gallery.pictures import find_content, find_style
from tests.training import smaller_batches

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PHOTO, PAINTING = find_content("coffee").path(), find_style("duerer_lion").path()


def pins(file: str) -> dict[NormalizedName, set[Version]]:
    """name -> the versions that a file of `name==version` lines pins (several for several Pythons)."""
    found: dict[NormalizedName, set[Version]] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            found.setdefault(canonicalize_name(requirement.name), set()).add(Version(pin.version))
    return found


def test_without_a_command_the_program_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert metastyle.main([]) == metastyle.main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in ("stylize", "train", "video", "export", "gallery", "report"):
        assert re.search(rf"^  {name} +\S", listed, re.M)


def test_the_list_of_commands_comes_without_pytorch() -> None:
    code = "import sys, metastyle; metastyle.main([]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_a_command_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert metastyle.main(["sytlize"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: there is no command 'sytlize'; there are stylize, video, ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "command"), {**core.__main__.COMMANDS, **metastyle.COMMANDS}.items()
)
def test_each_command_explains_itself_by_the_name_it_was_called_by(
    name: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(resolve_name(command.target))
    with pytest.raises(SystemExit, match="0"):
        metastyle.main([name, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: metastyle {name} ")
    assert called_as("core.stylize") == "python -m core.stylize"


def test_exit_codes_of_commands_pass_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert metastyle.main(["stylize", "--content", "missing.jpg", "--style", "missing.jpg"]) == 1
    assert "missing.jpg" in capsys.readouterr().out


def test_a_command_whose_package_is_not_installed_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = Program("metastyle", "About.", {"gallery": Command("no_such_package:main", "-")})
    assert program.main(["gallery"]) == 1
    assert (
        capsys.readouterr().err == "error: gallery needs no_such_package, which is not installed.\n"
    )


def test_pinned_versions_lie_within_the_ranges_of_the_package() -> None:
    ranges = {
        canonicalize_name(Requirement(it).name): Requirement(it) for it in PROJECT["dependencies"]
    }
    pinned = pins("requirements.txt")
    assert set(pinned) == set(ranges)
    for name, versions in pinned.items():
        for version in versions:
            assert ranges[name].specifier.contains(version), ranges[name]


def test_the_lock_pins_what_requirements_pin_and_all_that_they_need() -> None:
    locked = pins("requirements.lock")
    for name, versions in pins("requirements.txt").items():
        assert locked[name] == versions, name
    todo = list(pins("requirements.txt"))
    known: set[NormalizedName] = set()
    installed = {canonicalize_name(it.metadata["Name"]): it for it in distributions()}
    while todo:
        name = todo.pop()
        if name in known or name not in installed:
            continue
        known.add(name)
        for line in installed[name].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(canonicalize_name(requirement.name))
    assert len(known) > 60
    assert not {name for name in known if name not in locked}


def test_an_installed_program_reads_in_itself_and_writes_where_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "core"
    monkeypatch.chdir(tmp_path)
    assert paths.folders(package) == (package / "checkpoints", tmp_path)
    assert (ROOT / "checkpoints") == paths.CHECKPOINTS
    assert paths.WORK == ROOT


def test_a_model_comes_by_its_name_or_from_a_folder(tiny_checkpoint: Callable[[str], Path]) -> None:
    folder = tiny_checkpoint("original-500")
    own = metastyle.from_pretrained(folder, device="cpu")
    assert parameter_counts(own.model.net) != parameter_counts(
        metastyle.from_pretrained("original-500", "cpu").model.net
    )
    assert metastyle.from_pretrained("flagship", "cpu") is model_store().stylizer("flagship", "cpu")
    with pytest.raises(
        ValueError, match=r"^There is no trained model named nothing; shipped are: flagship, "
    ):
        metastyle.from_pretrained("nothing")


@pytest.mark.parametrize("other", ["core/__init__.py", "core.py"])
def test_another_package_named_core_is_named(other: str, tmp_path: Path) -> None:
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).touch()
    done = subprocess.run(
        [sys.executable, "-c", "import metastyle"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    said = done.stderr.splitlines()[-1]
    assert said.startswith("ImportError: MetaStyle needs its own package core, and ")
    assert f"{Path(other).name} is another of that name" in said


@pytest.mark.slow
def test_the_wheel_paints_and_serves_from_a_folder_of_its_own(tmp_path: Path) -> None:
    stored = "import zlib; zlib.Z_DEFAULT_COMPRESSION = 0"  # compressing takes 10 s
    code = f"{stored}; from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packages, elsewhere = tmp_path / "packages", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    wheel.unlink()
    assert (packages / "core" / "py.typed").is_file(), "its annotations count for type checkers"
    (distribution,) = distributions(path=[str(packages)])
    scripts = {
        it.name: it.value for it in distribution.entry_points if it.group == "console_scripts"
    }
    assert scripts == {"metastyle": "metastyle:main", "metastyle-demo": "metastyle:demo"}

    environment = os.environ | {"PYTHONPATH": str(packages), "GRADIO_TEMP_DIR": str(tmp_path)}
    pictures = ("--content", str(PHOTO), "--style", str(PAINTING), "--size", "128")
    subprocess.run(
        [sys.executable, "-m", "metastyle", "stylize", *pictures, "--out", str(tmp_path / "out")],
        cwd=elsewhere, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    assert metastyle.main(["stylize", *pictures, "--out", str(tmp_path / "here")]) == 0
    name = "coffee__duerer_lion__flagship.png"
    with (
        Image.open(tmp_path / "here" / name) as here,
        Image.open(tmp_path / "out" / name) as there,
    ):
        assert here.tobytes() == there.tobytes()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    serve = f"import metastyle; raise SystemExit(metastyle.demo(['--port', '{port}']))"
    with subprocess.Popen(
        [sys.executable, "-c", serve],
        cwd=elsewhere,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            assert "MetaStyle is at" in line
            address = line.split()[-1]
            assert "MetaStyle" in httpx.get(address).text
            picture = packages / "gallery" / "style" / "hokusai_great_wave.jpg"
            assert httpx.get(f"{address}gradio_api/file={picture}").content == picture.read_bytes()
        finally:
            server.terminate()
    assert server.returncode == 143, "stopped by a signal, in good order"
    assert list(elsewhere.iterdir()) == []


def test_files_for_those_who_cite_install_and_change_name_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert all(it["title"] and it["authors"] and it["year"] for it in citation["references"])
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in re.findall(r"^COPY (.+) \./$", (ROOT / "Dockerfile").read_text(), re.M)[0].split():
        assert (ROOT / name).is_file()


@pytest.mark.slow
def test_the_notebook_runs_as_it_is(
    tmp_path: Path,
    tiny_checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """But for the model that is refined, a narrow one on small crops: the shipped one takes 6 GB and half a minute."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "flagship").symlink_to(paths.CHECKPOINTS / "flagship")
    (models / "improved-500").symlink_to(tiny_checkpoint("improved-500"))
    smaller_batches(monkeypatch, crop=64)
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(it["source"]) for it in cells if it["cell_type"] == "code"]
    assert len(code) >= 4 and not any(it["outputs"] for it in cells if it["cell_type"] == "code")
    names: dict[str, Any] = {}
    with ModelStore(models).in_use():
        for cell in code:
            exec(cell, names)
    assert names["painted"].size == names["photo"].size
    assert max(names["refined"].image.size) == 256
    assert "batch 2 of 2" in capsys.readouterr().out
