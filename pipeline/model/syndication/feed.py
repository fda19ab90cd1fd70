"""What is subscribed to: feeds and the articles that they announce."""

from dataclasses import dataclass, field

MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""How moments are written: ISO 8601 in UTC, to the second."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An article that a feed announces."""

    guid: str
    """What the feed knows it by: its guid, else its canonical link."""
    link: str
    """Absolute, or empty."""
    title: str
    published: str = ""
    """ISO 8601 in UTC, to the second, or empty."""
    updated: str = ""
    """The same, of its last change."""
    author: str = ""
    content: str = ""
    """HTML as far as the feed holds it."""
    is_whole: bool = False
    """The feed says that `content` is the whole article, not its beginning."""
    summary: str = ""
    """Plain text."""
    categories: tuple[str, ...] = ()
    picture: str = ""
    """Address, or empty."""


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What a feed says of itself."""

    site: str = ""
    """Address of the site that it belongs to."""
    description: str = ""
    author: str = ""
    language: str = ""
    """BCP 47 tag."""
    picture: str = ""
    """Address, or empty."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as read."""

    title: str
    items: tuple[FeedItem, ...]
    """In the order of the feed."""
    facts: FeedFacts = field(default=FeedFacts())


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """How the articles of one feed are narrated; empty values stand for what the settings say."""

    backend: str = ""
    model: str = ""
    voice: str = ""
    speed: float = 0.0
    language: str = ""
    include: str = ""
    """Regular expression: only articles with it in their title or a category, in any case of letters."""
    exclude: str = ""
    """Regular expression: no articles with it there."""
    min_chars: int = 0
    max_chars: int = 0
    """Of the text; 0 for no bound."""
    begin_with: int = -1
    """How many of the articles that are there already are narrated; -1 for what the settings say."""
    keep_days: int = -1
    """How long an episode is kept after it was made; 0 for ever, -1 for what the settings say."""
    cron: str = ""
    """When the feed is looked at; empty for when all are, `never` for only when somebody asks."""
