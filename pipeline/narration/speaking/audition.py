"""A text of one's own -> a sound file, by the same plan, clips and assembly as a book."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.audio.assemble import assemble, chapter_samples
from pipeline.audio.encode import Encoding
from pipeline.audio.mastering import choose_gain_db, measure_parts
from pipeline.errors import SettingsError
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.keys import content_address
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, reading_language, resolve_mastering, resolve_voice
from pipeline.narration.making.assemble_chapter import chapter_encoding
from pipeline.narration.speaking.speak_text import plan_text, speak_text
from pipeline.store.files.whole_file import whole_file

SAMPLES = {
    "en": "The lamp on the rock had burned for ninety years, and nobody could say who had first carried the oil.",
    "zh": "海上的灯亮了九十年，没有人知道是谁第一个把油送上去的。",
}
"""What a voice is heard on, by its language."""
_FORMATS = ("wav", "mp3", "m4a", "opus", "flac")


def audition(context: Context, text: str, output: Path, order: Order) -> float:
    """Speak `text` into the file `output`; its length in seconds.

    Raises:
        SettingsError: nothing in the text can be spoken, or the file's kind is unknown.
        SynthesisError, StoreError.
    """
    encoding = _encoding(context, output)
    parts = list(speak_text(context, plan_text(context, text, order), order))
    mastering = resolve_mastering(context.settings, order)
    gain_db = choose_gain_db(measure_parts(parts), mastering)
    with whole_file(output) as path:
        assemble(
            parts,
            [(path, encoding, None)],
            read_blob=lambda digest: context.store.clips.blobs.path(digest).read_bytes(),
            gain_db=gain_db,
            mastering=mastering,
        )
    return chapter_samples(parts) / SAMPLE_RATE_HZ


def audition_file(context: Context, text: str, order: Order) -> Path:
    """A file with `text`, or a sample sentence, in the voice of the order; made once.

    All of a day (UTC) are held against the cap of one run: each costs little, but a page may ask for many.

    Raises:
        SettingsError, SynthesisError, StoreError.
    """
    choice, _ = resolve_voice(context.settings, order)
    text = text.strip() or SAMPLES.get(reading_language(context.settings, order), SAMPLES["en"])
    name = content_address([text, asdict(choice), context.settings.mastering.model_dump()])
    path = context.store.data / "work" / "auditions" / f"{name}.mp3"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        audition(context, text, path, replace(order, cap_id=f"auditions-{datetime.now(UTC):%Y-%m-%d}"))
    return path


def _encoding(context: Context, output: Path) -> Encoding:
    name = output.suffix.lower().lstrip(".")
    if name not in _FORMATS:
        raise SettingsError(
            f"{output} is not a kind of sound file that is written", key="output", remedy="use ." + ", .".join(_FORMATS)
        )
    return chapter_encoding(context, name)
