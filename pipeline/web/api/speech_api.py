"""OpenAI's speech interface: `POST /v1/audio/speech`, `GET /v1/models`, `GET /v1/audio/voices`.

Answers are spoken through the clip cache. Streams come in two shapes: OpenAI's (`stream_format: "sse"`,
events `speech.audio.delta` and `speech.audio.done`) and DashScope's (header `X-DashScope-SSE: enable`,
PCM in `output.audio.data`, `usage.characters` in the last event).
"""

import base64
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from pipeline.audio.stream import encode_stream, whole_wav
from pipeline.model.audio import Part, StreamFormat
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.narration.speaking.speak_text import part_sound, plan_text, speak_text
from pipeline.speech.services.service_profile import SPEED_RANGE
from pipeline.text.tokens import count_tokens
from pipeline.web.api.served_models import ServedModel, served_models, speaking_voice
from pipeline.web.api.speech_spending import check_may_spend, telling_of_caps, under_day_cap
from pipeline.web.server.error_answers import ApiError

router = APIRouter(prefix="/v1", tags=["speech"])
_ANSWER_TYPES = [*(each.media_type for each in StreamFormat), "text/event-stream"]


class VoiceId(BaseModel):
    """A voice by its id."""

    id: str = Field(max_length=200)


class SpeechOrder(BaseModel):
    """What is to be spoken; unknown fields are let pass, as services do."""

    model: str = Field(max_length=200, examples=["hibari"])
    input: str = Field(max_length=20_000_000, examples=["The lamp was lit."])
    voice: str | VoiceId = Field(examples=["heart"])
    response_format: StreamFormat | None = Field(
        default=None, description="mp3 where left out, as at OpenAI; wav for the qwen-tts family"
    )
    speed: float = Field(
        default=1.0, ge=SPEED_RANGE[0], le=SPEED_RANGE[1], allow_inf_nan=False,
        description="A voice that cannot go as far goes as far as it can.",
    )  # fmt: skip
    instructions: str = Field(default="", max_length=4096, description="Let pass; local voices take none.")
    stream_format: Literal["audio", "sse"] = "audio"


@router.post(
    "/audio/speech",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in _ANSWER_TYPES}}},
)
def create_speech(
    request: Request,
    order: SpeechOrder,
    x_dashscope_sse: Annotated[str, Header(description='"enable" for a stream of events')] = "",
) -> Response:
    """Speak a text."""
    context: Context = request.app.state.context
    served = _find_model(context, order.model)
    narration = under_day_cap(context.settings, _narration(context, served, order))
    check_may_spend(context.settings, narration, asks_key=request.app.state.asks_speech_key)
    _check_length(context, served, order.input)
    passages = plan_text(context, order.input, narration)
    with telling_of_caps():
        parts = _begun(speak_text(context, passages, narration))
    sound = (samples for part in parts for samples in part_sound(context, part))
    used = {"X-Usage-Characters": str(len(order.input))}
    if x_dashscope_sse.lower() == "enable":
        events = _dashscope_events(encode_stream(sound, StreamFormat.PCM), len(order.input))
        return StreamingResponse(events, media_type="text/event-stream", headers=used)
    audio_format = order.response_format or (StreamFormat.WAV if served.counts_tokens else StreamFormat.MP3)
    if order.stream_format == "sse":
        events = _openai_events(encode_stream(sound, audio_format), len(order.input))
        return StreamingResponse(events, media_type="text/event-stream", headers=used)
    named = {**used, "Content-Disposition": f'attachment; filename="audio.{audio_format}"'}
    if audio_format is StreamFormat.WAV:  # many players want its true length
        return Response(whole_wav(sound), media_type=audio_format.media_type, headers=named)
    return StreamingResponse(encode_stream(sound, audio_format), media_type=audio_format.media_type, headers=named)


@router.get("/models")
def list_models(request: Request) -> dict[str, Any]:
    """The models that can be asked for."""
    context: Context = request.app.state.context
    return {
        "object": "list",
        "data": [_model(name, served) for name, served in served_models(context.settings).items()],
    }


@router.get("/models/{model:path}")
def get_model(request: Request, model: str) -> dict[str, Any]:
    """One model."""
    return _model(model, _find_model(request.app.state.context, model))


@router.get("/audio/voices")
def list_voices(request: Request, model: str = "") -> dict[str, Any]:
    """The voices that can be asked for, with the models that take them."""
    context: Context = request.app.state.context
    models = {model: _find_model(context, model)} if model else served_models(context.settings)
    takers: dict[str, list[str]] = {}
    for name, served in models.items():
        for voice in served.voices:
            takers.setdefault(voice, []).append(name)
    return {"voices": [{"id": voice, "name": voice, "models": names} for voice, names in takers.items()]}


def _model(name: str, served: ServedModel) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": served.speaker}


def _find_model(context: Context, name: str) -> ServedModel:
    models = served_models(context.settings)
    if name not in models:
        raise ApiError(
            404, "model_not_found", f'There is no model "{name}"', param="model", remedy="choose " + ", ".join(models)
        )
    return models[name]


def _narration(context: Context, served: ServedModel, order: SpeechOrder) -> Order:
    """The order of the backend that speaks. Raises: ApiError."""
    voice = order.voice if isinstance(order.voice, str) else order.voice.id
    if not voice or (voice not in served.voices and not served.takes_any_voice):
        raise ApiError(
            400, "invalid_voice", f'Model "{order.model}" has no voice "{voice}"', param="voice",
            remedy="choose " + ", ".join(served.voices),
        )  # fmt: skip
    narration = Order(served.speaker, served.model, speaking_voice(context.settings, served, voice))
    _, able = resolve_voice(context.settings, narration)
    slowest, fastest = able.speed_range
    return Order(
        backend=narration.backend,
        model=narration.model,
        voice=narration.voice,
        speed=min(fastest, max(slowest, order.speed)),
    )


def _check_length(context: Context, served: ServedModel, text: str) -> None:
    limits = context.settings.speech_api
    if not text.strip():
        raise ApiError(400, "invalid_value", "input: there is nothing to speak", param="input")
    if limits.long_input:
        return
    if len(text) > limits.max_chars:
        raise ApiError(
            400, "text_too_long", f"input has {len(text)} characters, {limits.max_chars} are allowed", param="input",
            remedy="send it in parts, or set [speech_api] long_input = true",
        )  # fmt: skip
    if served.counts_tokens and (tokens := count_tokens(text)) > limits.max_tokens:
        raise ApiError(
            400, "text_too_long", f"input has {tokens} tokens, {limits.max_tokens} are allowed", param="input",
            remedy="send it in parts, or set [speech_api] long_input = true",
        )  # fmt: skip


def _begun(parts: Iterator[Part]) -> Iterator[Part]:
    """The same parts, the first of them made now: an error can still become a status."""
    first = next(parts)

    def rest() -> Iterator[Part]:
        yield first
        yield from parts

    return rest()


def _openai_events(pieces: Iterator[bytes], chars: int) -> Iterator[str]:
    for piece in pieces:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    usage = {"input_tokens": chars, "output_tokens": 0, "total_tokens": chars, "characters": chars}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _dashscope_events(pieces: Iterator[bytes], chars: int) -> Iterator[str]:
    for piece in pieces:
        yield _event({"output": {"audio": {"data": base64.b64encode(piece).decode()}, "finish_reason": "null"}})
    yield _event({"output": {"audio": {"data": ""}, "finish_reason": "stop"}, "usage": {"characters": chars}})


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"
