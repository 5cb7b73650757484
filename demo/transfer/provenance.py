"""The recipe of the result, to copy, and settings to load back: from a JSON file, or from a picture that was made here.

components = build(...)                            # under the result
command, snippet, settings = texts(painting.recipe, painting.file_name)
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from core.baselines.adapter import METHODS
from core.commandline import UserError
from core.files import short
from core.inference.model_store import model_store
from core.inference.style_file import is_style_file
from core.models.weights import WeightsError
from core.provenance import Provenance, Source, is_picture
from core.provenance import read as read_recipe
from core.reproduce import command_line, python_snippet
from core.settings import MAX_JSON, NEITHER, Settings, SettingsError
from demo.shared import messages
from demo.shared.controls import values_of, with_choice
from demo.shared.events import Answer
from demo.shared.mask import AUTO, PAINTING, PHOTO, SOFTNESS_CHOICES, mask_files
from demo.shared.mixing import EQUAL
from demo.shared.picture_place import Placed, of_gallery, placed, placed_style
from demo.shared.requests import LARGEST, MAX_BATCHES, MAX_STYLE_SIZE, MIN_STYLE_SIZE
from demo.shared.uploads import uploaded
from demo.shared.widgets import Upload
from demo.transfer import style_file
from demo.transfer.form import PAINTING_PLACES, TransferForm
from demo.transfer.known_pictures import gallery_digests, known_picture

WHAT = {"content": "photo", "outside": "painting for outside the mask"}
ROOT = Path(__file__).resolve().parents[2]
SMALLER = (
    f"The page paints at most {LARGEST} px, reads paintings at {MIN_STYLE_SIZE} to {MAX_STYLE_SIZE} px and refines with "
    f"at most {MAX_BATCHES} batches, so some values were brought within that."
)
LANGUAGES = (("Command line", None), ("Python", "python"), ("Settings", "json"))
LOAD = "Load settings: a picture made here, or JSON"
ABOUT = "Makes the same file again, byte for byte, on the same kind of machine; the picture carries it too."


def texts(recipe: Provenance, file_name: str) -> tuple[str, str, str]:
    """Command line, Python and settings as JSON; pictures of the gallery with their paths, others by their names."""
    files = {}
    for digest, picture in gallery_digests().items():
        if picture.path().is_relative_to(ROOT):
            files[digest] = str(picture.path().relative_to(ROOT))
    command = command_line(recipe, files, file_name)
    snippet = python_snippet(recipe, files, file_name)
    return command, snippet, json.dumps(recipe.settings.to_json(), indent=1)


def read(path: str) -> tuple[Settings, Provenance | None]:
    """Settings from a JSON file, or settings and recipe from a picture.

    Raises:
        SettingsError, ProvenanceError: one sentence.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_JSON + 1)
    if is_picture(data):
        recipe = read_recipe(path)
        return recipe.settings, recipe
    if len(data) > MAX_JSON:
        raise SettingsError(NEITHER)
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


def load(file: Upload, **values: Any) -> Answer:
    """A file with settings has come: the controls as they show it, the two notes, and what there is to say about it.

    Args:
        file: as the button for it holds it.
        values: the form's.
    """
    now = TransferForm(**values)
    try:
        path = uploaded(file, "file")
        if path is None:
            return {"loaded": ""}
        settings, recipe = read(path)
        settings, remarks = fitted(settings)
        pictures = _pictures(recipe, now) if recipe else Pictures()
        if recipe:
            _put_mask(recipe, now, pictures)
    except (UserError, OSError) as error:
        return {"loaded": messages.problem(error)}
    model, about_model = _model(settings.model, recipe)
    remarks += about_model + pictures.remarks
    if pictures.missing:
        remarks.append(f"Bring these files yourself: {', '.join(pictures.missing)}.")
    ready = "press Stylize" if pictures.missing or not recipe else "painting"
    name = str((file or {}).get("orig_name") or "the file")
    said = " ".join([f"Settings of {name} loaded; {ready}.", *remarks])
    shown = values_of(settings) | mask_values(settings) | _weights(settings, now, recipe)
    answer = shown | pictures.places | model | {"loaded": messages.notice(said)}
    answer |= _crops(settings, answer, now)
    if ready == "painting":
        answer["due"] = time.time()
    return answer


def mask_values(settings: Settings) -> dict[str, Any]:
    """The mask's softness and inversion, as the controls show them."""
    softness = AUTO if settings.mask_softness is None else settings.mask_softness
    choices = with_choice(SOFTNESS_CHOICES, softness)
    shown = gr.Dropdown(value=softness, choices=choices)
    own = gr.Checkbox(value=True, visible=True) if settings.mask_alpha else False
    return {"softness": shown, "invert": settings.mask_invert, "alpha": own}


@dataclass
class Pictures:
    """What a recipe puts into the places for pictures.

    Attributes:
        places: values by the names of the form, the two notes too.
        missing: what is not at hand, in words.
        remarks: sentences.
    """

    places: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def _pictures(recipe: Provenance, now: TransferForm) -> Pictures:
    """Photo and paintings that are at hand in their places, the other places empty."""
    found = Pictures()
    sources: dict[str, Source | None] = dict.fromkeys(PAINTING_PLACES)
    sources |= dict(zip(PAINTING_PLACES, recipe.styles, strict=False))
    sources["content"] = recipe.content
    if recipe.outside:
        sources["outside"] = recipe.outside
    at_hand = _at_hand(now)
    for place, source in sources.items():
        value = _value_of(source, at_hand) if source else None
        found.places[place] = value
        if source and not value:
            found.missing.append(f"the {WHAT.get(place, 'painting')} {source.name}")
        if source and place in ("content", "style"):
            found.places[f"{place}_note"] = messages.caption(source.name if value else "")
    found.places["elsewhere"] = PAINTING if recipe.outside else PHOTO
    return found


def _value_of(source: Source, at_hand: Mapping[str, str]) -> Placed | None:
    """The file of a recipe's source as the value of a place: one that is in a place now, or the gallery's."""
    if source.sha256 in at_hand:
        file = at_hand[source.sha256]
        return placed_style(file) if is_style_file(file) else placed(file)
    picture = known_picture(source.sha256)
    return of_gallery(picture) if picture else None


def _at_hand(now: TransferForm) -> dict[str, str]:
    """SHA-256 -> file of each picture that is in a place now."""
    files = [uploaded(value) for value in (now.content, *now.styles, now.outside)]
    return {Source.of(file).sha256: file for file in files if file and Path(file).is_file()}


def _put_mask(recipe: Provenance, now: TransferForm, pictures: Pictures) -> None:
    """Keep the mask that is there if it is the recipe's, or take it away and say what is missing."""
    there = mask_files(now.painted, now.mask)
    if there and [Source.of(file) for file in there.values()] == recipe.masks:
        return
    pictures.places |= {"painted": None, "mask": None}
    pictures.missing += [f"the mask {mask.name}" for mask in recipe.masks]
    if there:
        pictures.remarks.append("The mask that was here does not belong to it.")


def _weights(settings: Settings, now: TransferForm, recipe: Provenance | None) -> dict[str, float]:
    """The weights of the mix, for a recipe in the first places, else in those that are filled."""
    fields = [f"weight_{number}" for number in (1, 2, 3, 4)]
    if not settings.mix:
        return dict.fromkeys(fields, EQUAL)
    filled = [index for index, style in enumerate(now.styles) if style or not index]
    if recipe is None and len(settings.mix) == len(filled):
        fields = [fields[index] for index in filled]
    largest = max(settings.mix)
    # Sliders go to 100, shares of 1 are read as per cent.
    scale = 100 if largest <= 1 else min(1.0, 100 / largest)
    weights = [round(weight * scale, 6) for weight in settings.mix]
    return dict(zip(fields, weights, strict=False))


def _crops(settings: Settings, answer: Mapping[str, Any], now: TransferForm) -> dict[str, Any]:
    """The paintings' places, those of the answer or as they are, with the parts that count."""
    before = zip(PAINTING_PLACES, now.styles, strict=True)
    places = {name: answer.get(name, value) for name, value in before}
    filled = [name for name, value in places.items() if value or name == "style"]
    boxes = dict(zip(filled, settings.style_crop, strict=False))
    cropped: dict[str, Any] = {}
    for name in filled:
        value = {key: held for key, held in (places[name] or {}).items() if key != "crop"}
        if name in boxes:
            value["crop"] = list(boxes[name])
        if value.get("path") and value != places[name]:
            cropped[name] = value
    return cropped


def _model(name: str, recipe: Provenance | None) -> tuple[dict[str, Any], list[str]]:
    """The model as the page's control shows it: one of those that there are, never a folder; and a remark."""
    if not name:
        return {}, []
    if name in METHODS:
        return {"model": name}, []
    if name not in model_store().names():
        said = f"There is no trained model named {short(name)} here, so the model stays as it was."
        return {}, [said]
    if recipe and recipe.model_hash != _weights_hash(name):
        said = (
            f"It was made with other weights of {name} than those here, so the result will differ."
        )
        return {"model": name}, [said]
    return {"model": name}, []


def _weights_hash(name: str) -> str | None:
    try:
        weights = model_store().card(name).weights
    except WeightsError:  # found out, in words, when it is painted with
        return None
    return weights.hash if weights else None


# ---- layout ----


def build(
    shown: Sequence[str], form: Mapping[str, Any]
) -> tuple[list[gr.Code], gr.UploadButton, gr.HTML]:
    """Command line, Python and settings under the result; the button to load settings, and where it says how that went."""
    with gr.Accordion("Recipe of this picture", open=False, elem_id="recipe"):
        gr.HTML(messages.caption(ABOUT))
        with gr.Tabs():
            codes = [_code(*kind, text) for kind, text in zip(LANGUAGES, shown, strict=True)]
        kinds = [".json", ".png", ".jpg", ".jpeg", ".webp"]
        load_button = gr.UploadButton(LOAD, file_types=kinds, size="sm", elem_id="load-settings")
        loaded = gr.HTML("", elem_id="loaded")
        style_file.build(form, loaded)
    return codes, load_button, loaded


def _code(label: str, language: Any, text: str) -> gr.Code:
    """A tab of its own with a text to copy."""
    with gr.Tab(label):
        return gr.Code(
            text,
            language=language,
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
