"""One article of a feed -> an episode: read, imported, spoken and published once, whatever brings it how often."""

from dataclasses import dataclass, replace
from pathlib import Path
from traceback import extract_tb

from pipeline.errors import EmptyDocument, Interrupted, NarrationError
from pipeline.feeds.read_feed import blank_item, item_digest, retry_moment
from pipeline.ingest.articles.canonical_link import canonical_link
from pipeline.ingest.http.fetch import Known
from pipeline.model.keys import book_slug, content_address
from pipeline.model.states import ItemState
from pipeline.model.syndication.feed import FeedItem, FeedOptions
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.core.order import Order
from pipeline.narration.reading.ask_site import find_picture
from pipeline.narration.reading.import_document import import_article
from pipeline.narration.reading.read_article import ArticleRead, read_item
from pipeline.narration.running.assembly_line import Submit
from pipeline.narration.running.narrations import Running, run_prepared
from pipeline.narration.running.prepare import prepare
from pipeline.settings import Settings
from pipeline.store.db.clock import now
from pipeline.store.records.feed_rows import StoredFeed, StoredItem


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of an article."""

    item: StoredItem
    spoken: int = 0
    """Chunks that were synthesised."""
    seconds: float = 0.0
    """Of the episode."""
    error: NarrationError | None = None
    """Why it failed."""
    is_news: bool = False
    """An episode is new, or heard otherwise than before."""


def article_order(settings: Settings, options: FeedOptions) -> Order:
    """How the articles of a feed with these options are narrated."""
    feeds = settings.feeds
    return Order(
        backend=options.backend,
        model=options.model,
        voice=options.voice,
        speed=options.speed,
        language=options.language,
        formats=feeds.formats,
        mastering=feeds.mastering,
    )


def narrate_item(
    context: Context, feed: StoredFeed, item: FeedItem, submit: Submit, *, shared: bool = False, flow_run: str = ""
) -> ItemOutcome:
    """Narrate one article and keep what became of it; what fails is tried again by a later run.

    Args:
        context: the open data directory.
        feed: the item's.
        item: as the feed has it.
        submit: starts a stage, see `Running`.
        shared: other machines use the same service, each with its share.
        flow_run: Prefect's id of the flow run that this is part of, or empty.

    Raises:
        NarrationError: only what would stop every other article as well.
    """
    canonical = canonical_link(item.link)
    own = content_address(canonical or [feed.url, item.guid])[:3]  # a lock of its own would leave a file for each
    with context.store.lock(f"article {own}"):  # two feeds may bring it at once
        stored = context.store.feeds.find_item(feed.url, item.guid) or blank_item(feed, item)
        stored = replace(stored, title=item.title, link=item.link, published=item.published, canonical=canonical)
        twin = None if stored.book else context.store.feeds.narrated(canonical, feed.url)
        if twin:
            shared_book = replace(stored, book=twin.book, state=ItemState.DONE, facts=twin.facts, reason="")
            return _keep(context, item, shared_book, is_news=True)
        try:
            return _narrate(context, feed, item, stored, submit, shared=shared, flow_run=flow_run)
        except Interrupted:
            raise
        except EmptyDocument as error:
            # an episode stays when its page is emptied
            state = ItemState.DONE if stored.state == ItemState.DONE else ItemState.SKIPPED
            return _keep(context, item, replace(stored, state=state, attempts=stored.attempts + 1, reason=str(error)))
        except NarrationError as error:
            context.report(Note(f"{item.title}: {error}"))
            if error.stops_run:
                raise
            return _fail(context, stored, error)
        # everything: what strangers write reaches a dozen libraries, and no article may stop the others overnight
        except Exception as error:
            wrong = NarrationError(
                f"{item.title} cannot be narrated: {type(error).__name__}: {error} ({_where(error)})"
            )
            return _fail(context, stored, wrong)


def _where(error: Exception) -> str:
    """The line that raised it, which is all that a report of a fault nobody foresaw has to go by."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _narrate(
    context: Context,
    feed: StoredFeed,
    item: FeedItem,
    stored: StoredItem,
    submit: Submit,
    *,
    shared: bool,
    flow_run: str,
) -> ItemOutcome:
    if not _is_read(context, stored, item):
        known = Known(stored.facts.get("etag", ""), stored.facts.get("last_modified", ""))
        article = read_item(context, feed, item, known if stored.state == ItemState.DONE else None)
        if article is None:  # its page says that it has not changed
            return _keep(context, item, replace(stored, attempts=0, reason="", next_at=None))
        if reason := _wrong_length(feed.options, article):
            return _keep(context, item, replace(stored, state=ItemState.SKIPPED, reason=reason))
        slug = stored.book or _slug(feed, item)
        import_article(context, article.data, slug, find_picture(context, article.picture))
        facts = {**stored.facts, "author": item.author, "summary": item.summary[:1000] or article.beginning}
        facts |= {"etag": article.known.etag, "last_modified": article.known.last_modified}
        stored = replace(stored, book=slug, digest=item_digest(item), facts=facts)
        context.store.feeds.record(stored)  # what is read need not be read again when the voice fails, or the power
    order = article_order(context.settings, feed.options)
    running = Running(submit=submit, shared=shared, flow_run=flow_run, tells=False)
    book = context.store.documents.get_book(stored.book)
    summary = run_prepared(context, prepare(context, book, order), running)
    done = replace(stored, state=ItemState.DONE, reason="", attempts=0, next_at=None)
    is_news = stored.state != ItemState.DONE or summary.synthesized > 0
    return _keep(context, item, done, is_news=is_news, spoken=summary.synthesized, seconds=summary.audio_seconds)


def _is_read(context: Context, stored: StoredItem, item: FeedItem) -> bool:
    """It was read as it is now, but not narrated to the end."""
    is_open = stored.state != ItemState.DONE and stored.digest == item_digest(item)
    return is_open and bool(stored.book and context.store.documents.find_book(stored.book))


def _slug(feed: StoredFeed, item: FeedItem) -> str:
    """A name that no other article gets, though many may have the same title."""
    own = content_address([feed.url, item.guid])[:8]
    return f"{book_slug(item.title, ())[:60].strip('-')}-{own}"


def _wrong_length(options: FeedOptions, article: ArticleRead) -> str:
    if len(article.text) < options.min_chars:
        return f"shorter than {options.min_chars} characters"
    if options.max_chars and len(article.text) > options.max_chars:
        return f"longer than {options.max_chars} characters"
    return ""


def _fail(context: Context, stored: StoredItem, error: NarrationError) -> ItemOutcome:
    """Try it again later; what is an episode already stays one, with the sound that it has."""
    present = context.store.feeds.find_item(stored.feed, stored.guid) or stored  # it may have been read before
    attempts = present.attempts + 1
    failed = replace(
        present, state=ItemState.FAILED, attempts=attempts, reason=str(error), next_at=retry_moment(attempts, error)
    )
    if stored.state == ItemState.DONE:
        failed = replace(failed, state=ItemState.DONE, digest="")
    context.store.feeds.record(failed)
    return ItemOutcome(failed, error=error)


def _keep(
    context: Context,
    item: FeedItem,
    stored: StoredItem,
    *,
    is_news: bool = False,
    spoken: int = 0,
    seconds: float = 0.0,
) -> ItemOutcome:
    first_at = stored.first_at or (now() if stored.state == ItemState.DONE else None)
    kept = replace(stored, digest=item_digest(item), first_at=first_at)
    context.store.feeds.record(kept)
    return ItemOutcome(kept, spoken, seconds, is_news=is_news)
