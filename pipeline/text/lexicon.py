"""Pronunciations: a TOML file of words -> a rewriting of spoken text, whole words, longest first.

[words]
Ukridge = "Yewkridge"
"Combe Regis" = { say = "Coom Reejis", ipa = "kˈum ɹˈiʤɪs", match_case = true }
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.model.keys import content_address
from pipeline.text.mapped import MappedText


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How one word or phrase is said."""

    written: str
    say: str
    ipa: str = ""
    """Preferred by voices that take it; `say` is for the others."""
    match_case: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Pronunciations, ready to be applied."""

    words: tuple[Pronunciation, ...] = ()

    @property
    def id(self) -> str:
        """Content address; equal lexicons plan alike."""
        return content_address([[w.written, w.say, w.ipa, w.match_case] for w in self.words])

    def apply(self, text: MappedText, *, ipa_markup: str = "") -> MappedText:
        """`text` with its known words respelled, or marked up with IPA where the voice takes `ipa_markup`."""
        if not self.words:
            return text
        exact = {w.written: w for w in self.words if w.match_case}
        folded = {w.written.casefold(): w for w in self.words if not w.match_case}

        def say(match: re.Match[str]) -> str | None:
            word = exact.get(match.group()) or folded.get(match.group().casefold())
            if word is None:
                return None
            if ipa_markup and word.ipa:
                return ipa_markup.format(word=match.group(), ipa=word.ipa)
            return word.say or None

        return text.substitute(self._pattern(), say)

    def touches(self, text: str) -> bool:
        """True where a word of the lexicon stands in `text`."""
        if not self.words:
            return False
        folded = {w.written.casefold() for w in self.words if not w.match_case}
        exact = {w.written for w in self.words}
        return any(m.group() in exact or m.group().casefold() in folded for m in self._pattern().finditer(text))

    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted({w.written for w in self.words}, key=len, reverse=True)
        return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.IGNORECASE)


def read_lexicon(path: Path) -> Lexicon:
    """The lexicon of a TOML file.

    Raises:
        SettingsError: no such file, not TOML, or an entry that says nothing; names file and key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"Lexicon {path} cannot be read: {error.strerror}", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"Lexicon {path} is not valid TOML: {error}", file=str(path)) from error
    words = table.get("words", {})
    if not isinstance(words, dict):
        raise SettingsError(f"Lexicon {path}: [words] must be a table of words", file=str(path), key="words")
    return Lexicon(tuple(_read_word(path, written, value) for written, value in words.items()))


def _read_word(path: Path, written: str, value: object) -> Pronunciation:
    entry = {"say": value} if isinstance(value, str) else value
    if (
        isinstance(entry, dict)
        and set(entry) <= {"say", "ipa", "match_case"}
        and (entry.get("say") or entry.get("ipa"))
    ):
        say, ipa = str(entry.get("say", "")), str(entry.get("ipa", ""))
        return Pronunciation(written=written.strip(), say=say, ipa=ipa, match_case=bool(entry.get("match_case", False)))
    raise SettingsError(
        f'Lexicon {path}: the word "{written}" needs a text, or a table of say, ipa, match_case',
        file=str(path),
        key=f"words.{written}",
        remedy=f'write "{written}" = "how it sounds"',
    )
