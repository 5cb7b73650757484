"""The command line: every pair, bad files named and skipped, exit codes, every setting, streams, JSON and sheets."""

import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core import batch, stylize
from core.baselines.adapter import METHODS, find_backend
from core.commandline import NO_MEMORY
from core.images import library
from core.images.decode import ImageError, load_image
from core.options import percent
from core.provenance import Source, read
from core.settings import Settings
from core.training import batches
from tests.conftest import draw_folder
from tests.core.stylizing import photos_and_paintings, quick
from tests.hungry import Hungry
from tests.training import smaller_batches


@pytest.fixture
def model(tiny_checkpoint: Callable[[str], Path]) -> Path:
    return tiny_checkpoint("improved-500")


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    return photos_and_paintings(tmp_path)


def test_folders_give_every_pair_at_the_photos_size(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    photos, paintings = pictures
    out = tmp_path / "out"
    code = stylize.main(
        [
            "--content",
            str(photos),
            "--style",
            str(paintings),
            "--model",
            str(model),
            "--out",
            str(out),
        ]
    )
    assert code == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        f"{c}__{s}__improved-500.png" for c in ("0000", "0001") for s in ("0050", "0051")
    ]
    assert all(Image.open(out / name).size == (96, 72) for name in names)


def test_a_photo_too_large_for_the_memory_is_skipped_and_others_are_painted(
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(METHODS, "hungry", Hungry)
    photos, paintings = pictures
    draw_folder(photos, 1, first_seed=9, size=(40, 32))
    order = f"--content {photos} --style {paintings / '0050.png'} --model hungry --device cpu"
    assert stylize.main([*order.split(), "--out", str(tmp_path / "out")]) == 2
    assert f'skipped: "0000.png": {NO_MEMORY}' in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["0009__0050__hungry.png"]


def test_a_bad_file_is_named_and_skipped_and_the_exit_code_says_so(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, paintings = pictures
    (photos / "broken.png").write_bytes(b"not a picture")
    code = stylize.main(
        f"--content {photos} --style {paintings / '0050.png'} --model {model} --out {tmp_path / 'out'} --size 48".split()
    )
    assert code == 2
    assert "broken.png" in capsys.readouterr().out
    assert sorted(Image.open(path).size for path in (tmp_path / "out").iterdir()) == [(48, 36)] * 2


def test_a_bad_style_is_skipped_with_all_its_pairs(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"")
    code = stylize.main(
        [
            "--content",
            str(pictures[0]),
            "--style",
            str(bad),
            "--model",
            str(model),
            "--out",
            str(tmp_path / "out"),
        ]
    )
    assert code == 1
    assert not (tmp_path / "out").exists()


def test_refining_from_the_command_line(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller_batches(monkeypatch, batch=2, crop=32)
    arguments = [
        "--content",
        str(pictures[0] / "0000.png"),
        "--style",
        str(pictures[1] / "0050.png"),
    ]
    arguments += ["--model", str(model), "--out", str(tmp_path / "out")]
    assert stylize.main(arguments) == 0
    instant = (tmp_path / "out" / "0000__0050__improved-500.png").read_bytes()
    assert stylize.main([*arguments, "--refine", "1", "--refine-content", str(pictures[0])]) == 0
    assert (tmp_path / "out" / "0000__0050__improved-500.png").read_bytes() != instant


def test_a_broken_photo_to_refine_on_is_skipped_once_and_others_take_its_place(
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    smaller_batches(monkeypatch, batch=2, crop=32)
    broken, good, out = tmp_path / "broken.jpg", pictures[0] / "0000.png", tmp_path / "out"
    broken.write_bytes(b"not a picture")
    order = f"--content {pictures[0]} --style {pictures[1] / '0050.png'} --model {model}"
    arguments = [*order.split(), "--refine", "1", "--out", str(out), "--refine-content"]
    assert stylize.main([*arguments, str(broken), str(good)]) == 2
    said = capsys.readouterr().out
    assert said.count("broken.jpg") == 1 and "2 painted" in said and "1 skipped" in said
    recipe = read(out / "0000__0050__improved-500.png")
    assert recipe.refine_contents == (Source.of(good),)
    assert stylize.main([*arguments, str(broken)]) == 1
    said, error = capsys.readouterr()
    assert said.count("\n") == said.count("broken.jpg") == 1
    assert error == "error: None of the photos to refine on can be used.\n"


@pytest.mark.parametrize("most", [160, 1])
def test_photos_to_refine_on_are_read_once_and_many_are_not_held(
    most: int,
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smaller_batches(monkeypatch, batch=2, crop=32)
    monkeypatch.setattr(batch, "MAX_REMEMBERED", most)
    decoded: list[Path] = []
    hashed: list[str | Path] = []
    load, source_of = batches.load_image, Source.of

    def loading(path: Path, **limits: Any) -> Image.Image:
        decoded.append(path)
        return load(path, **limits)

    def hashing(file: str | Path, data: bytes | None = None) -> Source:
        hashed.append(file)
        return source_of(file, data)

    monkeypatch.setattr(batches, "load_image", loading)
    monkeypatch.setattr(Source, "of", hashing)
    refined_on = draw_folder(tmp_path / "refined_on", 2, first_seed=most)  # no style is remembered
    order = f"--content {pictures[0]} --style {pictures[1] / '0050.png'} --model {model} --refine 1"
    arguments = [*order.split(), "--out", str(tmp_path / "out"), "--refine-content"]
    assert stylize.main([*arguments, *map(str, refined_on)]) == 0
    assert sorted(decoded) == sorted(refined_on * (1 if most >= 2 else 2))
    assert [file for file in hashed if file in refined_on] == refined_on
    recipe = read(tmp_path / "out" / "0001__0050__improved-500.png")
    assert recipe.refine_contents == tuple(map(source_of, refined_on))


def test_a_method_that_always_trains_needs_a_photo_that_can_be_used(tmp_path: Path) -> None:
    broken, told = tmp_path / "broken.jpg", list[str]()
    broken.write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"^None of the photos to refine on can be used\.$"):
        batch.Batch(
            find_backend("johnson", "cpu"),
            Settings(model="johnson"),
            tmp_path / "out",
            refine_contents=[broken],
            report=told.append,
        )
    assert len(told) == 1 and "broken.jpg" in told[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "no-such-model"], "There is no trained model named no-such-model"),
        (["--content", "EMPTY"], "There is no picture in the folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str],
    sentence: str,
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "empty") if a == "EMPTY" else a for a in arguments]
    defaults = ["--content", str(pictures[0]), "--style", str(pictures[1]), "--model", str(model)]
    assert stylize.main([*defaults, "--out", str(tmp_path / "out"), *given]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


# ---- settings from the command line ----


def test_mixing_is_one_result_of_all_styles(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert (
        stylize.main(
            quick(model, pictures, out, "--style", str(pictures[1]), "--mix", "0.7", "0.3")
        )
        == 0
    )
    assert [path.name for path in out.iterdir()] == ["0000__0050+0051__improved-500.png"]
    assert read(out / "0000__0050+0051__improved-500.png").settings.mix == (0.7, 0.3)


def test_a_mask_for_each_painting_is_one_result(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    paintings = [str(path) for path in sorted(pictures[1].iterdir())]
    masks = [str(pictures[0] / name) for name in ("0001.png", "0000.png")]
    more = ["--style", *paintings, "--mask", *masks]
    assert stylize.main(quick(model, pictures, tmp_path / "a.png", *more)) == 0
    recipe = read(tmp_path / "a.png")
    assert recipe.masks == [Source.of(mask) for mask in masks]
    assert len(recipe.styles) == 2 and recipe.settings.mix == ()


def test_every_setting_is_an_option(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    paintings = [str(pictures[1] / name) for name in ("0050.png", "0051.png")]
    mask = str(pictures[0] / "0001.png")
    more = [
        "--style",
        paintings[0],
        "--strength",
        "80%",
        "--colours",
        "photo",
        "--detail",
        "32",
        "--tiles",
    ]
    more += [
        "--mask",
        mask,
        "--mask-style",
        paintings[1],
        "--mask-softness",
        "2.5",
        "--style-crop",
        "0.1,0.1,0.9,0.9",
        "--mask-invert",
    ]
    assert stylize.main(quick(model, pictures, tmp_path / "a.png", *more)) == 0
    recipe = read(tmp_path / "a.png")
    assert recipe.settings == Settings(
        str(model),
        (),
        0.8,
        "photo",
        40,
        32,
        48,
        style_crop=((0.1, 0.1, 0.9, 0.9),),
        mask_softness=2.5,
        mask_invert=True,
        tiles=True,
    )
    assert (recipe.mask, recipe.outside) == (Source.of(mask), Source.of(paintings[1]))


def test_settings_come_from_a_file_or_a_picture_and_options_come_first(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"strength": 0.5, "colours": "photo"}), encoding="utf-8")
    style = ["--style", str(pictures[1] / "0050.png"), "--settings"]
    assert (
        stylize.main(
            quick(model, pictures, tmp_path / "a.png", *style, str(file), "--strength", "70")
        )
        == 0
    )
    first = read(tmp_path / "a.png").settings
    assert (first.strength, first.colours) == (0.7, "photo")
    again = [
        "--content",
        str(pictures[0] / "0000.png"),
        *style,
        str(tmp_path / "a.png"),
        "--out",
        str(tmp_path / "b.png"),
    ]
    assert stylize.main(again) == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_standard_input_to_standard_output(
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = pictures[0] / "0000.png"
    style = ["--style", str(pictures[1] / "0050.png")]
    assert stylize.main(quick(model, pictures, tmp_path / "a.png", *style)) == 0
    capfdbinary.readouterr()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    piped = [word.replace(str(photo), "-") for word in quick(model, pictures, Path("-"), *style)]
    assert stylize.main(piped) == 0
    out, err = capfdbinary.readouterr()
    assert load_image(out).tobytes() == load_image(tmp_path / "a.png").tobytes()
    assert out.startswith(b"\x89PNG") and out.endswith(b"IEND\xaeB`\x82"), (
        "the picture and nothing else"
    )
    assert b"1 painted to standard output, 0 skipped" in err


def test_json_is_an_object_a_line_for_each_result(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures[1] / "broken.png").write_bytes(b"not a picture")
    assert (
        stylize.main(
            quick(model, pictures, tmp_path / "out", "--style", str(pictures[1]), "--json")
        )
        == 2
    )
    captured = capsys.readouterr()
    facts = [json.loads(line) for line in captured.out.splitlines()]
    assert [Path(fact["styles"][0]).name for fact in facts] == ["0050.png", "0051.png"]
    for fact in facts:
        assert Image.open(fact["file"]).size == tuple(fact["size"]) == (40, 30)
        assert fact["working_size"] == [40, 30]
        assert fact["settings"]["size"] == 40
        assert "as at 512 px" in fact["note"]
        written = Path(fact["file"]).read_bytes()
        Path(fact["file"]).unlink()
        again = shlex.split(fact["command"])[3:]
        assert stylize.main([*again, "--out", fact["file"]]) == 0
        assert Path(fact["file"]).read_bytes() == written
    assert "broken.png" in captured.err


def test_what_is_said_about_stroke_width_is_not_said_twice(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize.main(quick(model, pictures, tmp_path / "out", "--style", str(pictures[1]))) == 0
    assert capsys.readouterr().out.count("as at 512 px") == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("sheet.jpg", "JPEG"), ("sheet.png", "PNG"), ("", "PNG")]
)
def test_a_sheet_of_the_gallerys_paintings(
    name: str,
    kind: str,
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = library.library().styles[:2]
    monkeypatch.setattr(stylize, "paintings", lambda: two)
    assert stylize.main(quick(model, pictures, tmp_path / "out" / name, "--sheet")) == 0
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == (name or "0000__sheet__improved-500.png")
    with Image.open(file) as image:
        assert image.format == kind
        assert image.width > 2 * 40 and image.height > 30


def test_a_sheet_leaves_out_what_cannot_be_read(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures[1] / "broken.png").write_bytes(b"not a picture")
    more = ["--sheet", "--style", str(pictures[1]), "--json"]
    assert stylize.main(quick(model, pictures, tmp_path / "out", *more)) == 2
    (fact,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert [Path(style).stem for style in fact["styles"]] == ["0050", "0051"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--content PHOTO", "Give a painting with --style, or --sheet"),
        (
            "--content PHOTOS --style PAINTING --out x.png",
            "There are 2 results; give --out a folder for them.",
        ),
        ("--content PHOTOS --style PAINTING --out -", "There are 2 results; give --out a folder"),
        ("--content PHOTO --style PAINTING --out x.gif", "Results are PNG, JPEG or WebP files"),
        ("--content PHOTO --style PAINTING --out - --json", "The picture and the JSON cannot both"),
        (
            "--content PHOTO --style PAINTING PAINTING --mix 1 1 --refine 2",
            "Refining takes one painting",
        ),
        (
            "--content PHOTO --style PAINTING PAINTING --mix 1",
            "The mix has 1 weight for 2 paintings",
        ),
        (
            "--content PHOTO --style PAINTING --strength 160",
            "The setting strength must be a number from 0 to 1.5.",
        ),
        (
            "--content PHOTO --style PAINTING --mask-style PAINTING",
            "A painting for outside the mask needs a mask.",
        ),
        ("--content PHOTO --style PAINTING --mask missing.png", '"missing.png" does not exist'),
        ("--content PHOTO --style PAINTING --settings PHOTO", "This picture carries no recipe"),
        (
            "--content PHOTO --style PAINTING --settings missing.json",
            '"missing.json": No such file',
        ),
        (
            "--content PHOTO --sheet --mix 1 1",
            "A sheet shows one painting at a time; leave out --mix.",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(
    arguments: str,
    sentence: str,
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {
        "PHOTO": pictures[0] / "0000.png",
        "PHOTOS": pictures[0],
        "PAINTING": pictures[1] / "0050.png",
    }
    given = [str(known.get(word, word)) for word in arguments.split()]
    assert stylize.main([*given, "--model", str(model)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("x.*")) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "share"), [("80", 0.8), ("80%", 0.8), ("7", 0.07), ("112.5", 1.125), ("0", 0.0)]
)
def test_percentages_are_read_as_written(text: str, share: float) -> None:
    assert percent(text) == share


def test_a_percentage_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stylize.main(["--content", "x", "--strength", "much"])
    assert "'much' is not a percentage" in capsys.readouterr().err
