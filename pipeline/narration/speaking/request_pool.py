"""Clips from a paid service: limits, budget, retries and splitting around each request, in threads."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import stamina
import stamina.instrumentation
from filelock import Timeout

from pipeline.audio.pcm import decode_audio
from pipeline.errors import BadClip, NarrationError, RateLimited, SettingsError, StoreError, SynthesisError, TextTooLong
from pipeline.model.keys import clip_key
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.narration.core.account import Account
from pipeline.narration.core.made_clip import Made
from pipeline.narration.speaking.join_speech import join_speech
from pipeline.narration.speaking.make_clip import keep_speech
from pipeline.narration.speaking.split_request import split_request
from pipeline.narration.speaking.turns import Turns
from pipeline.speech.checks import check_clip
from pipeline.speech.limits import Limiter, back_off_s, wait_patiently
from pipeline.speech.services.openai_speech import OpenAIBackend
from pipeline.speech.services.service_answers import Sound
from pipeline.speech.services.service_errors import exhausted
from pipeline.speech.services.service_profile import Service
from pipeline.store import Store
from pipeline.store.records.purchases import Purchase

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
        # The limiter knows this process only. These locks keep the stated concurrency among all programs of the folder.
        self._idle = deque(store.lock(f"slot {service.base_url} {n}", of_thread=False) for n in range(able.concurrency))
        self.turns = Turns(able.concurrency + SPARE_THREADS)
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
        # Closing the connections is what ends the requests under way; only then is it quick to wait for their threads.
        self._backend.close()
        self._threads.shutdown(wait=True)

    def _make(self, request: SpeechRequest, key: str, account: Account) -> Made:
        errand = _Errand(account)
        try:
            speech = self._speak(request, errand)
            account.spoken()
            clip = keep_speech(speech, request, key, self._store.clips.blobs, remark=errand.remark)
            return Made(clip, errand.attempts, tuple(errand.answers))
        except (SynthesisError, SettingsError) as error:
            error.attempts = errand.attempts
            account.failed(self._service.name, error)
            raise

    def _speak(self, request: SpeechRequest, errand: "_Errand") -> Speech:
        """The whole text; in two halves where the service finds it too long."""
        try:
            return self._speak_patiently(request, errand)
        except TextTooLong:
            # A service may take less than its profile says; halving gets under its limit without knowing it.
            halves = split_request(request)
            if not halves:
                raise
            errand.remark = f"{self._service.name} found {len(request.text)} characters too long; spoken in parts"
            return join_speech([self._speak(half, errand) for half in halves], request)

    def _speak_patiently(self, request: SpeechRequest, errand: "_Errand") -> Speech:
        errand.begin()
        try:
            for attempt in stamina.retry_context(
                on=errand.is_worth_it, attempts=self._service.retries + 1, timeout=None
            ):
                with attempt:
                    return self._speak_once(request, errand)
        except RateLimited as error:
            # The same code can mean a rate that is too high. Once waiting has not helped, it is the balance.
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
            # Otherwise the next try would find the same bad answer instead of asking for another.
            self._store.answers.forget(key)
            raise
        errand.answers.append(key)
        return speech

    def _buy(self, request: SpeechRequest, key: str, errand: "_Errand") -> Sound:
        account = errand.account
        # The service may have been given up while this request was in line; then nothing more is bought from it.
        account.check_backend(self._service.name)
        wait_patiently(errand.pause_s, account.check_stopping)
        purchase = self._purchase(request, account)
        number = self._store.spend.reserve(purchase, account.caps)  # here, so that no slot waits for the disk
        try:
            sound = self._ask_in_turn(request, key, errand)
        except NarrationError as error:
            self._close_purchase(number, purchase, error)
            raise
        self._settle(number, purchase, sound.billed_chars, account)
        return sound

    def _ask_in_turn(self, request: SpeechRequest, key: str, errand: "_Errand") -> Sound:
        """Ask when it may be; the answer is safe before the next request is sent."""
        check = errand.account.check_paid
        with self._limiter.slot(check) as began, self._slot_of_machine(check):
            # At the last moment: an answer that cannot be kept must not be bought.
            self._store.answers.check()
            errand.attempts += 1
            try:
                sound = self._backend.ask(request)
                # While the slot is still held, so that a kill can only lose answers that were in flight.
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

    def _settle(self, number: str, purchase: Purchase, said: int | None, account: Account) -> None:
        """Book what the service says that it billed; a person hears of it where that is more than expected."""
        booked = self._store.spend.settle(number, purchase, said)
        if said is not None and said > purchase.chars:
            account.warn(
                self._service.name,
                f"{self._service.name} says that it billed {said:,} characters for a text of {purchase.chars:,}: "
                f"{booked:,} are booked, and a cap may be passed by that much",
            )

    def _purchase(self, request: SpeechRequest, account: Account) -> Purchase:
        able, model = self._service.capabilities, request.choice.model
        return Purchase(
            run=account.run,
            cap_id=account.cap_id,
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
                except Timeout:  # another program has this one
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
