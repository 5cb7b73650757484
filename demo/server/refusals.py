"""The sentences for what cannot be done, whoever says them, and the form in which they leave the server.

return refusal_to(request, FULL, 507)
"""

from gradio.route_utils import API_PREFIX
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from demo.i18n.language import said

FULL = "The server's disk is full at the moment; try again in a few minutes."
NO_MEMORY = "There is not enough memory for this on the server; choose a smaller size."
OUR_FAULT = "Something went wrong on the server; its log says what."
UNREADABLE = "This request cannot be understood: it lacks something, or something in it is of the wrong type."
CLOSING = "The page is being closed on its server."


def refusal_to(request: Request, sentence: str, status: int) -> Response:
    """The sentence in the visitor's language: in JSON where programs and Gradio's page ask, as they look for `detail` there."""
    text = said(sentence, request)
    if request.scope["path"].startswith(f"{API_PREFIX}/"):
        return JSONResponse({"detail": text}, status)
    return PlainTextResponse(text, status)
