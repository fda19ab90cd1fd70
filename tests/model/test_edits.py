"""Edits stay with the sentence that a person changed, whatever else is skipped, cut or written anew."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.model.edits import SentenceEdit, WrittenSentence, place_edits, with_neighbors
from pipeline.model.text import Block, BlockKind
from pipeline.text.chunks import Packing, plan_chunks

NOTE = Block(BlockKind.PARAGRAPH, "See the other page. He said no.")
TEXT = Block(BlockKind.PARAGRAPH, "They asked him again. He said no. Then he left.")
SKIPPED = replace(NOTE, skip_reason="note")
REFRAIN = "And the river ran on to the sea."


def written(*blocks: Block) -> list[WrittenSentence]:
    found: list[WrittenSentence] = []

    def look(sentences: Sequence[WrittenSentence]) -> dict[str, str]:
        found.extend(sentences)
        return {}

    list(plan_chunks(blocks, lambda text, _: text.strip(), Packing(400), look))
    return found


def edit_of(sentence: WrittenSentence, *, chapter: str = "own", title: str = "One") -> SentenceEdit:
    return SentenceEdit(
        chapter, title, sentence.id, sentence.written, sentence.before, sentence.after, f"edited {sentence.written}"
    )


def places(edits: list[SentenceEdit], sentences: list[WrittenSentence], *, title: str = "One") -> list[int]:
    """Positions of the sentences that edits come to, in the chapter of digest "own"."""
    placed = place_edits(edits, "own", title, sentences)
    return [at for at, sentence in enumerate(sentences) if sentence.id in placed]


def test_an_edit_of_a_note_is_not_spoken_in_the_text_where_notes_are_skipped() -> None:
    in_note = edit_of(written(NOTE, TEXT)[1])
    assert places([in_note], written(SKIPPED, TEXT)) == []
    assert places([in_note], written(NOTE, TEXT)) == [1], "and it is there again where notes are spoken"


def test_an_edit_stays_with_its_sentence_where_the_same_words_before_it_are_skipped() -> None:
    in_text = edit_of(written(NOTE, TEXT)[3])
    assert places([in_text], written(NOTE, TEXT)) == [3]
    assert places([in_text], written(SKIPPED, TEXT)) == [1]


def test_an_edit_stays_with_its_sentence_where_one_neighbor_is_not_spoken_any_more() -> None:
    first = edit_of(written(NOTE, TEXT)[2])
    assert places([first], written(SKIPPED, TEXT)) == [0]


def test_of_equal_sentences_between_equal_neighbors_the_edited_one_is_spoken_otherwise() -> None:
    chorus = [Block(BlockKind.PARAGRAPH, "He came. He saw. He won.")] * 3
    assert places([edit_of(written(*chorus)[4])], written(*chorus)) == [4]


def test_an_edit_of_an_older_bookcast_that_kept_no_words_goes_by_its_number() -> None:
    sentences = written(TEXT)
    assert places([replace(edit_of(sentences[1]), written="", before="", after="")], sentences) == [1]


def test_an_edited_refrain_is_not_spoken_otherwise_in_every_chapter() -> None:
    edit = edit_of(with_neighbors([("a", "One."), ("b", REFRAIN), ("c", "Two.")])[1], chapter="gone")
    elsewhere = with_neighbors([("d", "Three."), ("b", REFRAIN), ("e", "Four.")])
    assert places([edit], elsewhere, title="Two") == []
    assert places([edit], elsewhere, title="One") == [1]
    assert places([replace(edit, chapter_title="")], elsewhere, title="") == [], "no title tells no chapter"
