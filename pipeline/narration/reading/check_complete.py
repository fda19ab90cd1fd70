"""The blocks of a document -> its holes, which stop a narration before anything is spoken or paid for."""

from collections.abc import Iterable

from pipeline.errors import DamagedDocument
from pipeline.model.text import Block, BlockKind

_HOLES_NAMED = 5


def check_complete(blocks: Iterable[Block], *, name: str, allow_gaps: bool) -> list[Block]:
    """The holes among the blocks that are to be narrated, each with its reason.

    Args:
        blocks: of the chapters that were ordered; a hole in another chapter stops nothing.
        name: what messages call the document.
        allow_gaps: the order publishes the rest without them.

    Raises:
        DamagedDocument: there are holes, and no gaps are allowed.
    """
    holes = [block for block in blocks if block.kind is BlockKind.MISSING]
    if holes and not allow_gaps:
        named = "; ".join(hole.skip_reason for hole in holes[:_HOLES_NAMED])
        more = f"; and {len(holes) - _HOLES_NAMED} more" if len(holes) > _HOLES_NAMED else ""
        raise DamagedDocument(
            f"{name} is not complete: {named}{more}",
            path=name,
            remedy="get a whole copy of the document, or narrate the rest of it with --allow-gaps",
        )
    return holes
