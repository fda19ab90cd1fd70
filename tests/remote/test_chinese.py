"""Chinese and mixed documents: token limits, figures in Chinese inside Chinese only, nothing lost."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.model.text import Span
from pipeline.narration.reading.import_document import import_document
from pipeline.text.chinese import is_chinese, write_figures
from pipeline.text.mapped import MappedText
from pipeline.text.tokens import count_tokens
from tests.conftest import Desk, plans_of
from tests.remote.test_narration import RIG
from tests.speech_service import SpeechService

CHINESE = (
    "2024年5月6日，他花了￥1,045.60买了3本书。电话是13800138000。",
    "iPhone 15卖5999元，GPT-4很强，他用5G网络跑了12公里。",
    "“你来了？”她问。“我等了2个小时！”他笑了。",
)
ENGLISH = ("He paid 84 dollars in 1921, and 12 more a year later.", "The word 你好 means hello, said 7 of them.")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("我有123个苹果。", "我有一百二十三个苹果。"),
        ("共￥1,045.60。", "共一千零四十五点六零元。"),
        ("2024年5月6日下午3:30", "二零二四年五月六日下午三点三十分"),
        ("请拨13800138000", "请拨幺三八零零幺三八零零零"),
        ("占12.5%，重10kg", "占百分之十二点五，重十千克"),
        ("iPhone 15卖5999元", "iPhone 15卖五千九百九十九元"),
        ("GPT-4很强，MP3和A4纸10张", "GPT-4很强，MP3和A4纸十张"),
        ("5G网络和3D打印", "5G网络和3D打印"),
        ("他说 I have 12 apples 走了3公里", "他说 I have 12 apples 走了三公里"),
        ("速度120km/h", "速度一百二十千米每小时"),
        ("没有数字。", "没有数字。"),
    ],
)
def test_figures_are_written_in_chinese_but_not_in_latin_names(written: str, spoken: str) -> None:
    assert write_figures(MappedText.of(written)).text == spoken


def test_the_map_to_the_written_text_is_kept() -> None:
    text = write_figures(MappedText.of("他有3本书。走了5里。"))
    at = text.text.index("走")
    assert text.written_span(Span(at, len(text.text))).of(text.written) == "走了5里。"


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("你好，世界", True),
        ("The word 你好 means hello", False),
        ("用Python写程序很好玩", True),
        ("", False),
        ("123", False),
    ],
)
def test_what_is_chinese(text: str, chinese: bool) -> None:
    assert is_chinese(text) == chinese


def test_control_tokens_in_a_text_are_counted_as_text() -> None:
    assert count_tokens("<|endoftext|>") > 1
    assert count_tokens("Hello world 你好") == 4


def test_a_mixed_document_is_spoken_within_the_limit_and_by_the_right_rules(
    remote_desk: Callable[..., Desk], service: SpeechService, tmp_path: Path
) -> None:
    long = "".join(f"第{n}天，海上的风很大，没有人睡着，船长也没有说话。" for n in range(1, 80))
    endless = "海" * 2000
    texts = [*CHINESE, *ENGLISH, long, endless]
    book = tmp_path / "book.md"
    book.write_text("# 第1章 Beginning\n\n" + "\n\n".join(texts), "utf-8")
    desk = remote_desk()
    summary = desk.narrate(book, RIG)
    assert summary.failed == 0
    sent = [ask.text for ask in service.asks]
    assert max(map(count_tokens, sent)) <= 480
    assert max(map(count_tokens, sent)) > 400, "chunks fill the limit"
    assert len(sent) < 20
    for text in sent:
        if is_chinese(text):
            protected = re.sub(r"iPhone 15|GPT-4|5G", "", text)
            assert not re.search(r"\d", protected), text
    assert ENGLISH[0] in sent
    assert ENGLISH[1] in sent
    check_coverage(desk, book, texts)


def check_coverage(desk: Desk, book: Path, texts: list[str]) -> None:
    context = desk.open()
    slug = import_document(context, str(book)).slug
    (chapter,) = context.store.editions.chapters(slug)
    (plan,) = plans_of(context, slug, RIG)
    blocks = context.store.editions.blocks(chapter.id)
    covered = [""] * len(blocks)
    for chunk in plan.chunks:
        covered[chunk.block_position] += chunk.span.of(blocks[chunk.block_position].text)
    assert covered == [block.text for block in blocks]
    assert covered[1:] == texts
    context.close()


def test_sentences_of_chinese_end_at_their_own_marks(remote_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = remote_desk()
    book = tmp_path / "book.md"
    book.write_text(f"# 一\n\n{CHINESE[2]}", "utf-8")
    desk.narrate(book, RIG)
    context = desk.open()
    slug = import_document(context, str(book)).slug
    (chapter,) = context.store.editions.chapters(slug)
    cues = [cue.text for cue in context.store.chapters.cues(chapter.audio_key)]
    assert cues == ["一", "“你来了？”", "她问。", "“我等了2个小时！”", "他笑了。"]
    context.close()
