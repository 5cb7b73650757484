"""How the page looks: warm paper and deep indigo, light and dark; and the scripts of the whole page and of its components.

    blocks.launch(theme=THEME, css_paths=CSS, head=HEAD)

No font comes from the network: text is set in one that Gradio brings along, headings in a serif of the visitor's system.
"""

import gradio as gr
from gradio.themes.utils import sizes

from demo.shared.templates import FOLDER, component_scripts

CSS = sorted(FOLDER.rglob("*.css"))

INDIGO = gr.themes.Color(
    c50="#f0f0fa", c100="#e0e1f4", c200="#c4c6ea", c300="#a0a4dc", c400="#7d82cb", c500="#5b60b5",
    c600="#454a9c", c700="#363a80", c800="#2b2e66", c900="#222450", c950="#171835",
)  # fmt: skip
PAPER = gr.themes.Color(
    c50="#fdfaf4", c100="#f7f1e6", c200="#ebe2d2", c300="#d9ccb7", c400="#b3a58e", c500="#8a7d69",
    c600="#6b604f", c700="#4d453a", c800="#332e29", c900="#24211f", c950="#191718",
)  # fmt: skip

THEME = gr.themes.Base(
    primary_hue=INDIGO,
    secondary_hue=INDIGO,
    neutral_hue=PAPER,
    radius_size=sizes.radius_md,
    font=[
        gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)),
        "Noto Sans CJK SC",
        "PingFang SC",
        "Microsoft YaHei",
        "sans-serif",
    ],
    font_mono=[gr.themes.LocalFont("IBM Plex Mono"), "monospace"],
).set(
    body_background_fill="*neutral_100",
    body_background_fill_dark="*neutral_950",
    body_text_color_dark="*neutral_200",
    body_text_color_subdued="*neutral_600",
    background_fill_primary="#fffdf9",
    background_fill_primary_dark="*neutral_900",
    background_fill_secondary_dark="#1f1c1c",
    block_background_fill_dark="*neutral_900",
    border_color_primary_dark="#3a3531",
    block_shadow="0 1px 2px rgb(60 45 20 / 5%)",
    block_shadow_dark="none",
    block_label_text_color="*neutral_600",
    block_label_text_color_dark="*neutral_400",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_300",
    block_title_text_weight="600",
    input_background_fill="#ffffff",
    input_background_fill_dark="#1c1a1a",
    input_border_width="1px",
    input_border_color="*neutral_300",
    input_border_color_dark="#453f3a",
    color_accent="*primary_600",
    color_accent_soft="*primary_100",
    color_accent_soft_dark="*primary_800",
    border_color_accent="*primary_500",
    border_color_accent_dark="*primary_400",
    loader_color="*primary_500",
    slider_color_dark="*primary_400",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    checkbox_label_background_fill_selected="*primary_100",
    checkbox_label_background_fill_selected_dark="*primary_900",
    checkbox_label_border_color_selected="*primary_500",
    checkbox_label_border_color_selected_dark="*primary_400",
    button_primary_border_color="transparent",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_500",
    button_primary_background_fill_hover_dark="*primary_400",
    button_primary_text_color="#ffffff",
    button_secondary_background_fill="#fffdf9",
    button_secondary_background_fill_hover="*primary_50",
    button_secondary_background_fill_dark="*neutral_800",
    button_secondary_border_color="*neutral_300",
    button_secondary_border_color_dark="#453f3a",
    button_secondary_text_color="*primary_800",
    button_secondary_text_color_dark="*neutral_100",
)


SCRIPTS = (
    "shared/page.js",
    "shared/sliders.js",
    "shared/tabs.js",
    "i18n/words.js",
    "transfer/visitor.js",
)
HEAD = "".join(
    f"<script>{script}</script>"
    for script in (*((FOLDER / name).read_text("utf-8") for name in SCRIPTS), component_scripts())
)
