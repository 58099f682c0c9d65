"""Sentences of several scripts are told apart by their own rules."""

from __future__ import annotations

import pytest
from semtoken.datamodels import UnitKind
from semtoken.segment import segment
from unit.segment.reference import of_kind, pieces

SENTENCES = {
    "English": ["Dr. Smith paid $3.50 to Mrs. Jones at 5 p.m. on Monday. ", "Did she thank him? ", "She did!"],
    "German": ["Am 3. Mai kam z. B. Herr Dr. Meyer mit der Bahn. ", "Er blieb bzw. wohnte für eine Woche bei uns."],
    "French": ["M. Dupont est dans le train avec les autres. ", "Il ne dort pas."],
    "Spanish": ["La Sra. Ruiz fue a la ciudad con el Sr. López para verlo. ", "¿Qué le dijo? ", "Nada."],
    "Russian": ["Солнце взошло. ", "Птицы запели! ", "А. С. Пушкин родился в Москве."],
    "Greek": ["Πού πας; ", "Πάω σπίτι. ", "Καλά."],
    "Arabic": ["هل أنت هنا؟ ", "نعم. ", "ذهب الولد إلى المدرسة."],
    "Hindi": ["यह पहला वाक्य है। ", "यह दूसरा है। ", "क्या यह तीसरा है?"],
    "Chinese": ["这是第一句。", "这是第二句！", "你好吗？", "好。"],
    "Japanese": ["今日は晴れです。", "明日は雨でしょう。", "本当ですか？"],
    "Korean": ["오늘은 맑습니다. ", "내일은 비가 옵니다."],
    "Hebrew": ["השמש זרחה. ", "הציפורים שרו."],
}


@pytest.mark.parametrize("language", SENTENCES)
def test_each_sentence_is_a_unit(language: str) -> None:
    expected = SENTENCES[language]
    assert pieces(segment("".join(expected))) == expected


def test_one_text_may_mix_scripts() -> None:
    mixed = [sentences for language, sentences in SENTENCES.items() if language not in ("German", "Spanish")]
    units = segment("\n\n".join("".join(sentences) for sentences in mixed))
    assert of_kind(units, UnitKind.SENTENCE) == [sentence for sentences in mixed for sentence in sentences]
    assert set(of_kind(units, UnitKind.SEPARATOR)) == {"\n\n"}


def test_thai_is_cut_at_its_spaces_once_a_piece_is_long_enough() -> None:
    words = ["วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะ ", "เพราะว่าพรุ่งนี้ฝนจะตกหนักมากและเราจะไม่สามารถออกไปข้างนอกได้ "]
    found = pieces(segment("".join(words * 4)))
    assert len(found) == 4
    assert all(piece.endswith(" ") and len(piece) >= 80 for piece in found)


def test_surrogates_move_no_sentence() -> None:
    assert pieces(segment("One \ud800 two. Three \udfff four. Five.")) == [
        "One \ud800 two. ",
        "Three \udfff four. ",
        "Five.",
    ]


def test_a_paragraph_longer_than_the_splitters_window_is_cut_like_a_short_one() -> None:
    sentence = "The ship went north along the coast for many days. "
    units = segment(sentence * 400)
    assert pieces(units) == [sentence] * 400
