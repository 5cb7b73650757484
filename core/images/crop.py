"""A part of a picture, told in shares of its width and height: a painting without its frame.

inner = cropped(painting, (0.1, 0.1, 0.9, 0.9))
"""

from PIL import Image

from core.images.decode import MIN_SIDE, ImageError

Box = tuple[float, float, float, float]  # left, top, right, bottom: 0 to 1
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def cropped(image: Image.Image, box: Box) -> Image.Image:
    """The part of a picture between these edges, which are rounded to whole pixels; the picture
    itself for the whole.

    Raises:
        ImageError: the part is shorter than 16 px a side.
    """
    if box == WHOLE:
        return image
    left, right = round(box[0] * image.width), round(box[2] * image.width)
    top, bottom = round(box[1] * image.height), round(box[3] * image.height)
    if min(right - left, bottom - top) < MIN_SIDE:
        raise ImageError(
            f"The part of the painting has {right - left} x {bottom - top} px; "
            f"it must have at least {MIN_SIDE} px a side."
        )
    return image.crop((left, top, right, bottom))
