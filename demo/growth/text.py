"""What the tab Weight growth says, as HTML."""

from collections.abc import Sequence

from core.analysis.curves import LOSSES, TrainingLog
from core.analysis.heldout_losses import DATA, GALLERY

HANDLING = (
    "Drag in the figure to zoom, double-click to see all of it again; its upper right corner saves it as SVG. "
    "On a touch screen, its buttons zoom. The bands lie between the weights’ minimum, 7, 16, 31, 50, 69, 84, 93 % and maximum."
)

TABLE_NOTE = (
    "Only <i>c</i> is fitted, by least squares to RMS². R² is the share of the curve’s variance that the law explains: 1 is "
    "all of it, below 0 is worse than a constant. Logs of your own do not tell their learning rate: it is taken to be 0.001."
)

NO_HELDOUT = "No model has been measured on held-out pictures yet: `python -m core.heldout improved-500 --data data` does it."
ANSWER = (
    "Over several seeds of a smaller training (all steps, crops of 128 in place of 256 px), on paintings that no model saw, and "
    "against free growth, content and style loss together are"
)
BOTH_WAYS = frozenset({True, False})
# By whether the losses are lower without growth, over all ways of stopping it.
VERDICTS = {
    frozenset({True}): "So growth does not make the model better.",
    frozenset({False}): "So growth makes the model better, as the report guesses.",
    BOTH_WAYS: "So it is not the growth as such that makes the model better or worse.",
}
FEW_SEEDS = "With so few seeds that is a strong hint, and no proof."
HELDOUT_TITLES = {
    "own_content_loss": "content loss",
    "own_style_loss": "style loss",
    "own_loss": "both",
    "content_share": "VGG19: content change",
    "gram_share": "VGG19: Gram distance left",
    "mean_std_share": "VGG19: mean/std distance left",
}
AGAINST = "both losses, against free growth"
GROUPS = {
    DATA: "On paintings held out of the training data, and photos that no model saw:",
    GALLERY: "On the gallery’s paintings outside every training set, and the same photos:",
}
HELDOUT_NOTE = (
    "Instant pictures of 256 px, in which these models hardly follow the painting; their weights are not "
    "kept. Content and style loss are the model’s own, as in training. The VGG19 measures are the "
    "same for all models: how far the content is from the photo’s (0) towards that of unrelated places (1), and how much is "
    "left of what lies between photo (1) and painting (0). Lower is better throughout. Growth is that of the first "
    "convolution, last over first RMS. Means over pairs are geometric; over several seeds: their mean, with the lowest and "
    "the highest. p is that of Wilcoxon’s signed-rank test over paintings, each with its mean over the photos; with four "
    "paintings it cannot be below 0.125. Clearly means p &lt; 0.01 and an effect (rank-biserial correlation) of at least "
    "0.3. All these models have 8 channels, a quarter of the report’s width. Free growth at 256 px was trained twice, in "
    "bfloat16 and in float32; the others, in float32, are compared with the latter, and how far the two are apart shows "
    "what chance can do."
)

OWN = "log.csv and weights.csv of a training, or TensorBoard’s event files or CSV downloads, up to 16 MiB each"
NOTHING = "There is nothing to draw: choose a model, a running training, or a log of your own."
THINNED = "Drawn are at most 300 points a curve; the CSV has every logged row."


def not_drawn(title: str, log: TrainingLog) -> str:
    """Why nothing of a log stands in the figure, and what to choose."""
    has = [name for name in LOSSES if name in log.losses]
    has += [f"{len(log.layers)} layer{'s' if len(log.layers) > 1 else ''}"] if log.layers else []
    kept = "there is no row in it yet."
    if has:
        kept = f"it has {', '.join(has)}; choose another loss or layer."
    return f"Of {title}, neither the chosen layer nor the chosen loss is there: {kept}"


def without_layer(titles: Sequence[str], layer: str) -> str:
    """Why some of the chosen models have no panel of their own."""
    have = "has" if len(titles) == 1 else "have"
    return (
        f"{', '.join(titles)} {have} no layer {layer.removesuffix('.weight')}, so of {'it' if have == 'has' else 'them'} "
        "only the loss is drawn, as far as the others' iterations go."
    )
