"""Clips from a paid service: limits, budget, retries and splitting around each request, in threads."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import stamina
import stamina.instrumentation
from filelock import Timeout

from pipeline.audio.pcm import decode_audio
from pipeline.errors import BadClip, NarrationError, RateLimited, SettingsError, StoreError, SynthesisError, TextTooLong
from pipeline.model.keys import clip_key
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.speech.checks import check_clip
from pipeline.speech.limits import Limiter, back_off_s, wait_patiently
from pipeline.speech.openai import OpenAIBackend
from pipeline.speech.service import Service
from pipeline.speech.service_answer import Sound
from pipeline.speech.service_errors import exhausted
from pipeline.stages.account import Account, Made
from pipeline.stages.make_clip import keep_speech
from pipeline.store import Store
from pipeline.store.spend import Purchase
from pipeline.text.chunks import cut

MAX_BAD_CLIPS = 4
"""Answers without usable sound are paid for: after so many for one text it is given up, whatever `retries` says."""
SPARE_THREADS = 4
"""Threads that check and store answers while the others wait for the service."""
_POLL_S = 0.02

stamina.instrumentation.set_on_retry_hooks([])  # its log lines are for programmers; the run tells what fails


class RemoteClipMakers:
    """One service, asked by many threads, for all runs of this process."""

    def __init__(self, service: Service, store: Store) -> None:
        """Raises: SettingsError where a key is missing."""
        able = service.capabilities
        self._service = service
        self._store = store
        self._backend = OpenAIBackend(service, decode_audio)
        self._limiter = Limiter(able.concurrency, able.requests_per_minute)
        self._idle = deque(store.lock(f"slot {service.base_url} {n}", of_thread=False) for n in range(able.concurrency))
        self._threads = ThreadPoolExecutor(able.concurrency + SPARE_THREADS, thread_name_prefix=service.name)

    def warm(self) -> None:
        """Nothing has to be loaded."""

    def submit(self, request: SpeechRequest, key: str, account: Account) -> "Future[Made]":
        """Have `request` spoken; the future gives the clip or raises our errors."""
        return self._threads.submit(self._make, request, key, account)

    def result(self, future: "Future[Made]", request: SpeechRequest, key: str, account: Account) -> Made:
        """The clip of a finished future.

        Raises:
            SynthesisError, StoreError, Interrupted.
        """
        return future.result()

    def close(self) -> None:
        """Drop what has not begun, break off what has."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._backend.close()
        self._threads.shutdown(wait=True)

    def _make(self, request: SpeechRequest, key: str, account: Account) -> Made:
        errand = _Errand(account)
        try:
            speech = self._speak(request, errand)
            account.spoken()
            clip = keep_speech(speech, request, key, self._store.clips.blobs)
            return Made(clip, errand.attempts, errand.remark, tuple(errand.answers))
        except (SynthesisError, SettingsError) as error:
            error.attempts = errand.attempts
            account.failed(self._service.name, error)
            raise

    def _speak(self, request: SpeechRequest, errand: "_Errand") -> Speech:
        """The whole text; in two halves where the service finds it too long."""
        try:
            return self._speak_patiently(request, errand)
        except TextTooLong:
            halves = split_request(request)
            if not halves:
                raise
            errand.remark = f"{self._service.name} found {len(request.text)} characters too long; spoken in parts"
            return _join([self._speak(half, errand) for half in halves], request)

    def _speak_patiently(self, request: SpeechRequest, errand: "_Errand") -> Speech:
        errand.begin()
        try:
            for attempt in stamina.retry_context(
                on=errand.is_worth_it, attempts=self._service.retries + 1, timeout=None
            ):
                with attempt:
                    return self._speak_once(request, errand)
        except RateLimited as error:
            if error.quota:
                raise exhausted(self._service, str(error)) from error
            raise
        raise AssertionError("stamina ends with a result or an error")

    def _speak_once(self, request: SpeechRequest, errand: "_Errand") -> Speech:
        """One answer, bought or found: a program that was killed may have left one that is paid for."""
        key = clip_key(request.sentences, request.choice)
        found = self._store.answers.find(key)
        sound = Sound(found) if found else self._buy(request, key, errand)
        try:
            speech = self._backend.hear(sound, request)
            check_clip(speech.samples, rate_hz=speech.sample_rate_hz, text=request.text, speed=request.choice.speed)
        except BadClip:
            self._store.answers.forget(key)
            raise
        errand.answers.append(key)
        return speech

    def _buy(self, request: SpeechRequest, key: str, errand: "_Errand") -> Sound:
        account = errand.account
        account.check_backend(self._service.name)
        wait_patiently(errand.pause_s, account.check_stopping)
        purchase = self._purchase(request, account)
        number = self._store.spend.reserve(purchase, account.caps)  # here, so that no slot waits for the disk
        try:
            sound = self._ask_in_turn(request, key, errand)
        except NarrationError as error:
            self._close_purchase(number, purchase, error)
            raise
        self._store.spend.settle(number, purchase, sound.billed_chars)
        return sound

    def _ask_in_turn(self, request: SpeechRequest, key: str, errand: "_Errand") -> Sound:
        """Ask when it may be; the answer is safe before the next request is sent."""
        check = errand.account.check_paid
        with self._limiter.slot(check) as began, self._slot_of_machine(check):
            errand.attempts += 1
            try:
                sound = self._backend.ask(request)
                self._store.answers.keep(key, sound.file)
            except RateLimited as error:
                self._limiter.refused(began, error.retry_after_s)
                raise
        self._limiter.accepted()
        return sound

    def _close_purchase(self, number: str, purchase: Purchase, error: NarrationError) -> None:
        """What was answered is paid, what was refused is not; what nobody knows stays reserved, which counts."""
        billed = isinstance(error, StoreError) or (isinstance(error, SynthesisError) and error.billed)
        if isinstance(error, BadClip) and billed:
            self._store.spend.settle(number, purchase)
        elif not billed:
            self._store.spend.void(number)

    def _purchase(self, request: SpeechRequest, account: Account) -> Purchase:
        able, model = self._service.capabilities, request.choice.model
        return Purchase(
            run=account.run,
            book=account.book,
            backend=self._service.name,
            model=model,
            chars=len(request.text),
            price_per_1k_chars=able.price_per_1k_chars(model),
            currency=able.currency,
        )

    @contextmanager
    def _slot_of_machine(self, check_stopping: Callable[[], None]) -> Iterator[None]:
        """One of the service's slots among all programs of this data directory; freed when its holder dies."""
        while True:
            for _ in range(self._service.capabilities.concurrency):
                lock = self._idle.popleft()  # one that no other thread of ours uses
                try:
                    with lock.acquire(timeout=0):
                        yield
                        return
                except Timeout:
                    continue
                finally:
                    self._idle.append(lock)
            check_stopping()
            time.sleep(_POLL_S)


class _Errand:
    """One clip on its way: what it took so far. Used by one thread."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.attempts = 0
        self.remark = ""
        self.answers: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Count the tries of a new text."""
        self._tries = self._bad = 0
        self.pause_s = 0.0

    def is_worth_it(self, error: Exception) -> bool | float:
        """Whether stamina is to try again. The pause is made by the next try, which can be interrupted."""
        if not isinstance(error, NarrationError) or not error.retryable:
            return False
        self._tries += 1
        self._bad += isinstance(error, BadClip)
        if self._bad >= MAX_BAD_CLIPS:
            return False
        told = isinstance(error, RateLimited) and error.retry_after_s is not None  # then the limiter holds all back
        self.pause_s = 0.0 if told else back_off_s(self._tries)
        return 0.0


def split_request(request: SpeechRequest) -> list[SpeechRequest]:
    """Two halves of a request, between sentences or inside the only one; empty where it cannot be split."""
    sentences = request.sentences
    if len(sentences) > 1:
        middle = len(sentences) // 2
        return [replace(request, sentences=sentences[:middle]), replace(request, sentences=sentences[middle:])]
    half = (len(sentences[0]) + 1) // 2
    pieces = [span.of(sentences[0]).strip() for span in cut(sentences[0], lambda text: len(text) <= half)]
    pieces = [piece for piece in pieces if piece]
    return [replace(request, sentences=(piece,)) for piece in pieces] if len(pieces) > 1 else []


def _join(parts: list[Speech], request: SpeechRequest) -> Speech:
    samples = np.concatenate([part.samples for part in parts])
    ends, offset = [], 0
    for part in parts:
        ends += [offset + end for end in part.sentence_ends_samples]
        offset += len(part.samples)
    whole = len(ends) == len(request.sentences)  # else one sentence came in pieces
    exact = all(part.exact for part in parts)
    return Speech(samples, parts[0].sample_rate_hz, tuple(ends) if whole else (len(samples),), exact)
