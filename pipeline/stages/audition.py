"""A text of one's own -> a sound file, by the same plan, clips and assembly as a book."""

from pathlib import Path

from pipeline.audio.assemble import assemble, chapter_samples
from pipeline.audio.encode import Encoding
from pipeline.audio.mastering import choose_gain_db, measure_parts
from pipeline.errors import SettingsError
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.stages.assemble_chapter import chapter_encoding
from pipeline.stages.context import Context
from pipeline.stages.order import Order, resolve_mastering
from pipeline.stages.speak_text import plan_text, speak_text
from pipeline.store.blobs import whole_file

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


def _encoding(context: Context, output: Path) -> Encoding:
    name = output.suffix.lower().lstrip(".")
    if name not in _FORMATS:
        raise SettingsError(
            f"{output} is not a kind of sound file that is written", key="output", remedy="use ." + ", .".join(_FORMATS)
        )
    return chapter_encoding(context, name)
