"""Cues -> transcripts that players show: WebVTT (W3C) and the JSON of the podcast namespace."""

import html
import json
from collections.abc import Sequence
from typing import Any

from pipeline.model.audio import SAMPLE_RATE_HZ, Cue
from pipeline.model.syndication.podcast import Mark


def write_vtt(cues: Sequence[Cue]) -> bytes:
    """The cues as WebVTT, UTF-8."""
    blocks = ["WEBVTT\n"]
    for number, cue in enumerate(cues, start=1):
        text = html.escape(" ".join(cue.text.split()), quote=False)
        blocks.append(f"{number}\n{_clock(cue.start_samples)} --> {_clock(cue.end_samples)}\n{text}\n")
    return "\n".join(blocks).encode()


def _clock(samples: int) -> str:
    seconds, milliseconds = divmod(samples * 1000 // SAMPLE_RATE_HZ, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"


def write_transcript(cues: Sequence[Cue], speaker: str) -> bytes:
    """The cues as the JSON transcript 1.0.0 of the podcast namespace; times in seconds."""
    segments = [
        {
            **({"speaker": speaker} if speaker else {}),
            "startTime": _seconds(cue.start_samples),
            "endTime": _seconds(cue.end_samples),
            "body": " ".join(cue.text.split()),
        }
        for cue in cues
    ]
    return _json({"version": "1.0.0", "segments": segments})


def write_marks(marks: Sequence[Mark]) -> bytes:
    """The marks as JSON chapters 1.2.0 of the podcast namespace."""
    chapters = [{"startTime": round(mark.start_s, 3), "title": mark.title} for mark in marks]
    return _json({"version": "1.2.0", "chapters": chapters})


def _seconds(samples: int) -> float:
    return samples * 1000 // SAMPLE_RATE_HZ / 1000


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
