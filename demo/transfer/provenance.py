"""The recipe of the result, to copy, and settings to load back: from a JSON file, or from a picture that was made here.

components = build(...)                            # under the result
command, snippet, settings = texts(painting.recipe, painting.file_name)
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from core.baselines.adapter import METHODS
from core.models import checkpoint
from core.provenance import Provenance, Source, command_line, is_picture, python_snippet
from core.provenance import read as read_recipe
from core.settings import Settings, SettingsError
from demo.shared import messages
from demo.shared.controls import values_of, with_choice
from demo.shared.mask import AUTO, PAINTING, PHOTO, SOFTNESS_CHOICES, mask_file
from demo.shared.mixing import EQUAL
from demo.shared.picture_place import placed
from demo.shared.requests import LARGEST, MAX_BATCHES, MAX_STYLE_SIZE, MIN_STYLE_SIZE, USER_ERRORS
from demo.shared.uploads import displayable, gallery_files, uploaded
from demo.shared.widgets import Upload
from demo.transfer.form import Controls

ROOT = Path(__file__).resolve().parents[2]
MAX_JSON = 100_000  # bytes
SMALLER = (
    f"The page paints at most {LARGEST} px, reads paintings at {MIN_STYLE_SIZE} to {MAX_STYLE_SIZE} px and refines with "
    f"at most {MAX_BATCHES} batches, so some values were brought within that."
)
LANGUAGES = (("Command line", None), ("Python", "python"), ("Settings", "json"))
LOAD = "Load settings: a picture made here, or JSON"
ABOUT = "Makes the same file again, byte for byte, on the same kind of machine; the picture carries it too."


def texts(recipe: Provenance, file_name: str) -> tuple[str, str, str]:
    """Command line, Python and settings as JSON; pictures of the gallery with their paths, others by their names."""
    files = {
        digest: str(path.relative_to(ROOT))
        for digest, path in _gallery().items()
        if path.is_relative_to(ROOT)
    }
    settings = json.dumps(recipe.settings.to_json(), indent=1)
    return (
        command_line(recipe, files, file_name),
        python_snippet(recipe, files, file_name),
        settings,
    )


def _gallery() -> dict[str, Path]:
    """SHA-256 -> file of each picture of the gallery."""
    paths = [Path(file) for file in gallery_files()]
    return {_digest(path, path.stat().st_mtime_ns): path for path in paths if path.is_file()}


@lru_cache(maxsize=512)
def _digest(path: Path, changed: int) -> str:
    return Source.of(path).sha256


def read(path: str) -> tuple[Settings, Provenance | None]:
    """Settings from a JSON file, or settings and recipe from a picture.

    Raises:
        SettingsError, RecipeError: one sentence.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_JSON + 1)
    if is_picture(data):
        recipe = read_recipe(path)
        return recipe.settings, recipe
    if len(data) > MAX_JSON:
        raise SettingsError("This is neither a picture made here nor a JSON file of settings.")
    return Settings.from_json(data), None


def fitted(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings within the page's limits, and a remark where they were not; the model is not looked at."""
    within = replace(
        settings,
        size=settings.size and min(settings.size, LARGEST),
        detail=settings.detail and min(settings.detail, LARGEST),
        style_size=min(max(settings.style_size, MIN_STYLE_SIZE), MAX_STYLE_SIZE),
        refine=min(settings.refine, MAX_BATCHES),
    )
    return within, [] if within == settings else [SMALLER]


def load(value: Upload, *values: Any) -> tuple[Any, ...]:
    """A file with settings has come; returns the tab's controls as they show it, the two notes, and what there is to say."""
    now = Controls(*values)
    unchanged = (gr.skip(),) * (len(values) + 2)
    try:
        path = uploaded(value, "file")
        if path is None:
            return *unchanged, ""
        settings, recipe = read(path)
        settings, said = fitted(settings)
        places, missing = _places(recipe, now) if recipe else ({}, [])
        mask_said = _mask(recipe, now, places, missing) if recipe else []
    except (*USER_ERRORS, OSError) as error:
        return *unchanged, messages.problem(error)
    shown = dict(zip(Controls._fields[2:10], values_of(settings), strict=True)) | places
    shown |= _weights(settings, now, recipe)
    softness = AUTO if settings.mask_softness is None else settings.mask_softness
    choices = with_choice(SOFTNESS_CHOICES, softness)
    shown |= {
        "softness": gr.Dropdown(value=softness, choices=choices),
        "invert": settings.mask_invert,
    }
    shown["model"], about_model = _model(settings.model, recipe)
    said += about_model + mask_said
    if missing:
        said.append(f"Bring these files yourself: {', '.join(missing)}.")
    name = str((value or {}).get("orig_name") or "the file")
    notes = [gr.skip(), gr.skip()]
    if recipe:
        notes = [_note(recipe.content, places["content"]), _note(recipe.styles[0], places["style"])]
    for field in ("content", "style", "second", "third", "fourth", "outside"):
        if isinstance(file := shown.get(field), str):
            shown[field] = placed(file)
    controls = [shown.get(field, gr.skip()) for field in Controls._fields]
    return (
        *controls,
        *notes,
        messages.notice(" ".join([f"Settings of {name} loaded; press Stylize.", *said])),
    )


def _note(source: Source, file: str | None) -> str:
    return messages.caption(source.name if file else "")


def _places(recipe: Provenance, now: Controls) -> tuple[dict[str, Any], list[str]]:
    """Photo and paintings that are at hand in their places, the other places empty; what is missing, in words."""
    known = {digest: displayable(str(path)) for digest, path in _gallery().items()} | _at_hand(now)
    places: dict[str, Any] = dict.fromkeys(("style", "second", "third", "fourth"))
    wanted = {"content": ("photo", recipe.content)}
    wanted |= {
        field: ("painting", source) for field, source in zip(places, recipe.styles, strict=False)
    }
    if recipe.outside:
        wanted["outside"] = ("painting for outside the mask", recipe.outside)
    places |= {field: known.get(source.sha256) for field, (_, source) in wanted.items()}
    places["elsewhere"] = PAINTING if recipe.outside else PHOTO
    missing = [
        f"the {what} {source.name}" for field, (what, source) in wanted.items() if not places[field]
    ]
    return places, missing


def _at_hand(now: Controls) -> dict[str, str]:
    """SHA-256 -> file of each picture that is in a place now."""
    files = [uploaded(value) for value in (now.content, *now.styles, now.outside)]
    return {Source.of(file).sha256: file for file in files if file and Path(file).is_file()}


def _mask(
    recipe: Provenance, now: Controls, places: dict[str, Any], missing: list[str]
) -> list[str]:
    """Keep the mask that is there if it is the recipe's, or take it away and add to what is missing."""
    there = mask_file(now.painted, now.mask)
    if recipe.mask and there and Source.of(there).sha256 == recipe.mask.sha256:
        return []
    places |= {"painted": None, "mask": None}
    if recipe.mask:
        missing.append(f"the mask {recipe.mask.name}")
    return ["The mask that was here does not belong to it."] if there else []


def _weights(settings: Settings, now: Controls, recipe: Provenance | None) -> Mapping[str, float]:
    """The weights of the mix, for a recipe in the first places, else in those that are filled."""
    fields = [f"weight_{number}" for number in (1, 2, 3, 4)]
    if not settings.mix:
        return dict.fromkeys(fields, EQUAL)
    if recipe is None and len(settings.mix) == 1 + sum(bool(style) for style in now.styles[1:]):
        fields = [field for index, field in enumerate(fields) if not index or now.styles[index]]
    largest = max(settings.mix)
    scale = 100 / largest if largest > 100 else 100 if largest <= 1 else 1
    return {
        field: round(weight * scale, 6) for field, weight in zip(fields, settings.mix, strict=False)
    }


def _model(name: str, recipe: Provenance | None) -> tuple[Any, list[str]]:
    """The model as the page's control shows it: one of those that there are, never a folder; and a remark."""
    if not name:
        return gr.skip(), []
    if name in METHODS:
        return name, []
    if name not in checkpoint.available_models():
        return gr.skip(), [
            f"There is no trained model named {name} here, so the model stays as it was."
        ]
    if recipe and recipe.model_hash != _weights_hash(name):
        return name, [
            f"It was made with other weights of {name} than those here, so the result will differ."
        ]
    return name, []


def _weights_hash(name: str) -> str | None:
    try:
        info = json.loads(
            (checkpoint.CHECKPOINTS / name / "model.json").read_text(encoding="utf-8")
        )
        return str(info["weights"]["hash"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # found out, in words, when it is painted with
        return None


# ---- layout ----


def build(shown: tuple[str, str, str]) -> tuple[list[gr.Code], gr.UploadButton, gr.HTML]:
    """Command line, Python and settings under the result; the button to load settings, and where it says how that went."""
    with gr.Accordion("Recipe of this picture", open=False, elem_id="recipe"):
        gr.HTML(messages.caption(ABOUT))
        codes = []
        with gr.Tabs():
            for (label, language), text in zip(LANGUAGES, shown, strict=True):
                with gr.Tab(label):
                    codes.append(
                        gr.Code(
                            text,
                            language=language,  # type: ignore[arg-type]
                            label=label,
                            show_label=False,
                            interactive=False,
                            lines=3,
                            max_lines=14,
                            wrap_lines=True,
                            show_line_numbers=False,
                            buttons=["copy", "download"],
                            elem_id=f"recipe-{language or 'command'}",
                        )
                    )
        load_button = gr.UploadButton(
            LOAD,
            file_types=[".json", ".png", ".jpg", ".jpeg", ".webp"],
            size="sm",
            elem_id="load-settings",
        )
        loaded = gr.HTML("", elem_id="loaded")
    return codes, load_button, loaded
