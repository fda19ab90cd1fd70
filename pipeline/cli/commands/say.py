"""`bookcast say`: hear a voice on a text of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output.session import duration, open_context, options, print_json, say
from pipeline.narration.core.order import Order
from pipeline.narration.speaking.audition import audition

EXAMPLES = 'Example: bookcast say "Call me Ishmael." -o hello.wav'


def say_text(
    text: Annotated[str, typer.Argument(help="What to say.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .wav, .mp3, .m4a, .opus or .flac.")],
    backend: Annotated[str, typer.Option(help="Which backend speaks.")] = "",
    model: Annotated[str, typer.Option(help="Which of its models.")] = "",
    voice: Annotated[str, typer.Option(help="Which voice.")] = "",
    speed: Annotated[float, typer.Option(help="Pace, 1.0 is the voice's own.")] = 0.0,
    language: Annotated[str, typer.Option(help="Language of the text.")] = "",
) -> None:
    """Speak a text into a sound file, by the same rules as a book; known clips are not spoken again."""
    order = Order(backend=backend, model=model, voice=voice, speed=speed, language=language)
    with open_context() as context:
        seconds = audition(context, text, output, order)
    say(f"{output}: {duration(seconds)}")
    if options.json:
        print_json({"output": str(output), "audio_seconds": round(seconds, 3)})
