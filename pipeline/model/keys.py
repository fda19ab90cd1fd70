"""Content addresses: what must be equal for two things to be the same."""

import hashlib
import json
import re
from collections.abc import Sequence

from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.normal_form import normal_form
from pipeline.model.text import Block
from pipeline.model.voice import VoiceChoice

CLIP_SCHEMA = 2
"""Raised when the same request would be trimmed, faded or stored otherwise."""
MAX_SLUG_BYTES = 160
"""File systems take names of 255 bytes, and 80 Chinese characters have 240."""

_SPACE = re.compile(r"\s+")


def content_address(value: object) -> str:
    """sha256 in hex of the canonical JSON of `value`: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Damaged documents can hold lone surrogates, and their text needs keys, too.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def clip_key(sentences: Sequence[str], choice: VoiceChoice) -> str:
    """The key of the clip that `choice` makes of the spoken `sentences`.

    What is sent to the backend is in it, and what is not sent is not: the language only where the backend is told
    it. Whose voice it is decides, too, for two services may call their voices alike. Pauses, loudness, bit rates,
    tags and titles are not in it.
    """
    return content_address(
        {
            "schema": CLIP_SCHEMA,
            "sentences": list(sentences),
            "kind": choice.kind,
            "identity": choice.identity or choice.backend,
            "model": choice.model,
            "voice": choice.voice,
            **({"language": choice.language} if choice.language else {}),
            # 1.1 and 1.1000000000000001 sound the same.
            "speed": round(choice.speed, 4),
            "style": choice.style,
            "seed": choice.seed,
            "format": f"s16le-mono-{SAMPLE_RATE_HZ}",
        }
    )


def former_clip_key(sentences: Sequence[str], choice: VoiceChoice, language: str) -> str:
    """The key that the first version of Bookcast gave a clip: without its service, with a language nobody was told."""
    return content_address(
        {
            "schema": 1,
            "sentences": list(sentences),
            "kind": choice.kind,
            "model": choice.model,
            "voice": choice.voice,
            "language": language,
            "speed": round(choice.speed, 4),
            "style": choice.style,
            "seed": choice.seed,
            "format": f"s16le-mono-{SAMPLE_RATE_HZ}",
        }
    )


def fold_text(text: str) -> str:
    """NFC with every run of whitespace as one space: how sentences are compared."""
    return _SPACE.sub(" ", normal_form(text)).strip()


def sentence_id(text: str, occurrence: int) -> str:
    """16 hex digits for the `occurrence`-th (from 0) sentence of this text in its chapter."""
    return content_address([fold_text(text), occurrence])[:16]


def chunk_id(sentence_ids: Sequence[str]) -> str:
    """12 hex digits for the chunk of these sentences."""
    return content_address(list(sentence_ids))[:12]


def chapter_digest(blocks: Sequence[Block]) -> str:
    """Content address of the blocks of a chapter: of all that can decide how they are spoken."""
    return content_address([[b.kind.value, b.text, b.level, b.language, b.skip_reason] for b in blocks])


def book_slug(title: str, authors: Sequence[str]) -> str:
    """A readable name that a new edition of the same book keeps.

    >>> book_slug("Love Among the Chickens", ["P. G. Wodehouse"])
    'love-among-the-chickens-p-g-wodehouse'
    """
    plain = normal_form(" ".join([title, *authors[:1]]), "NFKC").casefold()
    # Apostrophes go first, so that "don't" becomes dont, not don-t.
    slug = re.sub(r"[^\w]+", "-", plain.replace("'", "").replace("’", "")).strip("-_")[:80]
    # In bytes too: the files of a podcast are named by it, with a number and a suffix.
    slug = slug.encode("utf-8", "ignore")[:MAX_SLUG_BYTES].decode("utf-8", "ignore").strip("-")
    return slug or content_address([title, list(authors)])[:12]
