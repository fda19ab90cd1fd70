"""Content addresses: what must be equal for two things to be the same."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence

from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.voice import VoiceChoice

CLIP_SCHEMA = 1
"""Raised when the same request would be trimmed, faded or stored otherwise."""

_SPACE = re.compile(r"\s+")


def content_address(value: object) -> str:
    """sha256 in hex of the canonical JSON of `value`: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def clip_key(sentences: Sequence[str], choice: VoiceChoice) -> str:
    """The key of the clip that `choice` makes of the spoken `sentences`.

    The name of the backend in the settings is not part of it, only its kind: two profiles of one
    service share their clips. Neither are pauses, loudness, bit rates, tags or titles.
    """
    return content_address(
        {
            "schema": CLIP_SCHEMA,
            "sentences": list(sentences),
            "kind": choice.kind,
            "model": choice.model,
            "voice": choice.voice,
            "language": choice.language,
            "speed": round(choice.speed, 4),
            "style": choice.style,
            "seed": choice.seed,
            "format": f"s16le-mono-{SAMPLE_RATE_HZ}",
        }
    )


def fold_text(text: str) -> str:
    """NFC with every run of whitespace as one space: how sentences are compared."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def sentence_id(text: str, occurrence: int) -> str:
    """16 hex digits for the `occurrence`-th (from 0) sentence of this text in its chapter."""
    return content_address([fold_text(text), occurrence])[:16]


def chunk_id(sentence_ids: Sequence[str]) -> str:
    """12 hex digits for the chunk of these sentences."""
    return content_address(list(sentence_ids))[:12]


def book_slug(title: str, authors: Sequence[str]) -> str:
    """A readable name that a new edition of the same book keeps.

    >>> book_slug("Love Among the Chickens", ["P. G. Wodehouse"])
    'love-among-the-chickens-p-g-wodehouse'
    """
    plain = unicodedata.normalize("NFKC", " ".join([title, *authors[:1]])).casefold()
    slug = re.sub(r"[^\w]+", "-", plain.replace("'", "").replace("’", "")).strip("-_")[:80].strip("-")
    return slug or content_address([title, list(authors)])[:12]
