"""The sections about feeds, articles and podcasts."""

from dataclasses import replace

from pydantic import Field, field_validator

from pipeline.model.audio import CHAPTER_FORMATS
from pipeline.model.syndication.article import DEFAULT_PHRASES, Phrases, SpokenRules, Treatment
from pipeline.model.syndication.schedule import NEVER, check_cron, check_zone
from pipeline.settings.sections import Section


class FeedsSettings(Section):
    """[feeds]: when article feeds are looked at, and what becomes of their articles."""

    schedule: str = "0 5 * * *"
    """Cron expression, or `never`."""
    time_zone: str = ""
    formats: tuple[str, ...] = ("m4a",)
    mastering: str = "podcast"
    begin_with: int = Field(default=5, ge=0, le=1000)
    keep_days: int = Field(default=0, ge=0)
    most_per_run: int = Field(default=100, ge=1, le=2000)
    attempts: int = Field(default=5, ge=1, le=50)
    recheck_days: int = Field(default=2, ge=0, le=365)
    pictures: bool = True

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        return value if value == NEVER else check_cron(value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return check_zone(value) if value else value

    @field_validator("formats")
    @classmethod
    def _one_file_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(CHAPTER_FORMATS):
            raise ValueError(f"choose from {', '.join(CHAPTER_FORMATS)}")
        return value


class PhraseSettings(Section):
    """[articles.phrases.LANGUAGE]: what is said around and instead of parts of an article."""

    introduction: str | None = None
    ending: str | None = None
    table: str | None = None
    code: str | None = None
    caption: str | None = None
    address: str | None = None


class ArticlesSettings(Section):
    """[articles]: how articles of feeds and web pages are spoken."""

    tables: Treatment = "summary"
    code: Treatment = "summary"
    captions: Treatment = "read"
    addresses: Treatment = "summary"
    phrases: dict[str, PhraseSettings] = Field(default_factory=dict)
    """By language; `*` for those that are not named."""

    @property
    def rules(self) -> SpokenRules:
        """How parts that are no running text are treated."""
        return SpokenRules(tables=self.tables, code=self.code, captions=self.captions, addresses=self.addresses)

    def phrases_of(self, language: str) -> Phrases:
        """What is said in that language: the settings above the defaults."""
        name = language.lower().partition("-")[0]
        own = self.phrases.get(name) or self.phrases.get("*") or PhraseSettings()
        return replace(DEFAULT_PHRASES.get(name, DEFAULT_PHRASES["*"]), **own.model_dump(exclude_none=True))


class PodcastSettings(Section):
    """[podcast]: what podcast apps are told."""

    title: str = "Articles, narrated"
    """Of the podcast of all feeds."""
    author: str = ""
    category: str = "News"
    language: str = "en"
    """Where a source does not say."""
    folder: str = ""
    base_url: str = ""
    page_episodes: int = Field(default=100, ge=1, le=1000)

    @field_validator("base_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError('write an address such as "https://example.org/podcasts", or leave it empty')
        return value.rstrip("/")
