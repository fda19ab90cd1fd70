"""Chunks: within one block, within the limit, nothing lost, stable ids."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.text import Block, BlockKind, Chunk
from pipeline.text.chunks import Packing, cut, plan_chunks

TEXT = st.text(alphabet=st.sampled_from("abcd efgh. ,;—!?中文。🏳️‍🌈é\u0301\n"), max_size=300)


def plan(blocks: list[Block], limit: int = 60, *, one_by_one: bool = False) -> list[Chunk]:
    return list(plan_chunks(blocks, lambda text, _: " ".join(text.split()), Packing(limit, one_by_one)))


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


@given(st.lists(TEXT, max_size=4), st.integers(5, 120), st.booleans())
def test_chunks_tile_their_block_within_the_limit(texts: list[str], limit: int, one_by_one: bool) -> None:
    blocks = [paragraph(text) for text in texts]
    chunks = plan(blocks, limit, one_by_one=one_by_one)
    for index, block in enumerate(blocks):
        own = [c for c in chunks if c.block_index == index]
        assert "".join(c.span.of(block.text) for c in own) == block.text
        for chunk in own:
            assert sum(len(s.spoken) for s in chunk.sentences) <= limit
            assert bool(chunk.sentences) != bool(chunk.skip_reason)
            if chunk.sentences:
                assert "".join(s.span.of(block.text) for s in chunk.sentences) == chunk.span.of(block.text)


@given(st.lists(TEXT, max_size=4), st.integers(10, 120))
def test_ids_are_unique_in_a_chapter(texts: list[str], limit: int) -> None:
    chunks = plan([paragraph(text) for text in [*texts, *texts]], limit)
    assert len({c.id for c in chunks}) == len(chunks)


def test_an_edited_sentence_changes_one_chunk() -> None:
    texts = [f"Paragraph {n} begins here. It goes on a while. It ends." for n in range(20)]

    def said() -> set[tuple[str, ...]]:
        return {tuple(s.spoken for s in c.sentences) for c in plan([paragraph(t) for t in texts])}

    before = said()
    texts[7] = texts[7].replace("a while", "for a while")
    assert len(said() - before) == 1


def test_a_change_that_was_written_for_a_voice_of_longer_requests_is_not_sent_over_the_limit() -> None:
    def said(limit: int) -> list[str]:
        found = plan_chunks(
            [paragraph("He read it. He left.")],
            lambda text, _: text.strip(),
            Packing(limit),
            lambda sentences: {sentences[0].id: "He red it, from the first page to the last."},
        )
        return [s.spoken for chunk in found for s in chunk.sentences]

    assert said(60) == ["He red it, from the first page to the last.", "He left."]
    assert said(30) == ["He read it.", "He left."]


def test_moving_a_paragraph_keeps_its_ids() -> None:
    first, second = paragraph("One is here. Two is there."), paragraph("Three came. Four went.")
    assert {c.id for c in plan([first, second])} == {c.id for c in plan([second, first])}


def test_the_ladder_prefers_clauses_then_spaces_then_graphemes() -> None:
    def pieces(text: str) -> list[str]:
        return [s.of(text) for s in cut(text, lambda piece: len(piece) <= 12)]

    assert pieces("one, two; three, four") == ["one, two; ", "three, four"]
    assert pieces("one two three four five") == ["one two ", "three four ", "five"]
    assert pieces("a" * 20) == ["a" * 12, "a" * 8]
    assert pieces("🏳️‍🌈" * 4) == ["🏳️‍🌈" * 3, "🏳️‍🌈"]  # four code points each, never cut inside


def test_a_sentence_each_where_exact_times_are_wanted() -> None:
    chunks = plan([paragraph("One is here. Two is there.")], one_by_one=True)
    assert [[s.spoken for s in c.sentences] for c in chunks] == [["One is here."], ["Two is there."]]


def test_marks_alone_are_skipped_or_join_their_neighbour() -> None:
    (alone,) = plan([paragraph("* * * !?")])
    assert alone.skip_reason == "nothing to speak"
    (joined,) = plan([paragraph("Well. … !")])
    assert [s.spoken for s in joined.sentences if not any(map(str.isalnum, s.spoken))] == []


def test_skipped_blocks_keep_their_reason() -> None:
    (chunk,) = plan([Block(BlockKind.PARAGRAPH, "12", skip_reason="page number")])
    assert (chunk.skip_reason, chunk.sentences) == ("page number", ())
