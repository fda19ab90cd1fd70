"""A request that is too large for one answer -> several."""

from dataclasses import replace

from pipeline.model.voice import SpeechRequest
from pipeline.text.chunks import cut


def split_request(request: SpeechRequest) -> list[SpeechRequest]:
    """Two halves of a request, between sentences or inside the only one; empty where it cannot be split."""
    sentences = request.sentences
    if len(sentences) > 1:
        # Between sentences there is a pause anyway, so the seam is not heard.
        middle = len(sentences) // 2
        return [replace(request, sentences=sentences[:middle]), replace(request, sentences=sentences[middle:])]
    half = (len(sentences[0]) + 1) // 2
    pieces = [span.of(sentences[0]).strip() for span in cut(sentences[0], lambda text: len(text) <= half)]
    pieces = [piece for piece in pieces if piece]
    return [replace(request, sentences=(piece,)) for piece in pieces] if len(pieces) > 1 else []
