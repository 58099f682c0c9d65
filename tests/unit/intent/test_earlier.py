"""Requests that work on a text of an earlier message are told from those that bring their own."""

from __future__ import annotations

import pytest
from semtoken.intent import points_back

EARLIER = [
    "Translate the text above into German.",
    "Translate it into German.",
    "Now proofread the document.",
    "Count the words in the letter above.",
    "How many times does the word 'crate' appear in the text?",
    "Thanks, that was helpful!\n\nPlease translate the report into French.",
    "Task: Translate the text above into German.",
    "Could you translate this letter into German for my landlord? Keep it formal but not stiff.",
    "proofread this",
    "Replace 'foo' with 'bar' in the document above.",
    "Rewrite this in the passive voice.",
    "Translate the article I sent you into Spanish.",
    "Translate the document into German. I need it for my landlord by tomorrow.",
    "Translate it into German.\nKeep the names as they are.",
    "Repeat the text verbatim.",
    "Übersetze den Text oben ins Englische.",
    "Übersetze das Dokument ins Englische.",
    "Kannst du es ins Französische übersetzen?",
    "Zähle die Wörter im Text.",
    "Korrigiere die Rechtschreibung in dem Brief.",
    "Übersetz das mal auf Französisch",
    "Formulier das bitte höflicher.",
    "Traduis le texte ci-dessus en anglais.",
    "Peux-tu le traduire en anglais ?",
    "Corrige le document.",
    "Combien de mots y a-t-il dans le texte ?",
    "Traduce el texto anterior al inglés.",
    "Tradúcelo al inglés.",
    "Traduce el documento al inglés.",
    "Reescribe esto con un tono más formal.",
    "Traduza o texto acima para o inglês.",
    "Traduza o documento para o inglês.",
    "Traduci il testo precedente in inglese.",
    "Traducilo in inglese.",
    "Traduci il documento in inglese.",
    "Переведи текст выше на английский язык.",
    "Переведи это на английский.",
    "Переведите документ на английский язык.",
    "请把上面的文章翻译成英文。",
    "你能把它翻译成法语吗？",
    "请把全文翻译成英文",
    "统计文章的字数。",
    "上記の文章を英語に翻訳してください。",
    "この文章を英語に翻訳してください。",
    "これを英語に翻訳してください。",
]
OWN = [
    "Translate 'good morning' into French.",
    "Fix the spelling: 'helo wrld'",
    "Translate this sentence into German: The cat sleeps.",
    "Rewrite politely: Give me the money now!",
    "Translate this: it is raining",
    "Translate this into German:\n\nThe cat sleeps on the mat.",
    "Translate the following text into French.\n\nHello there, how are you?",
    "Dear Bob, thanks for the parcel that you sent to my sister in May.\n\nTranslate the letter above into German.",
    "Translate the text 'good morning' into French",
    "Translate it to French\nGood morning",
    "Translate this sentence into German. The cat sleeps.",
    'Proofread this: "I has a apple"',
    "Translate 'good morning' into French, and say when it is used.",
    "Translate good morning into French.",
    "Count the words in 'to be or not to be'.",
    "Correct this sentence: he go home.",
    "Übersetze 'Guten Morgen' ins Englische.",
    "Übersetze diesen Satz ins Englische: Die Katze schläft.",
    "Übersetze ins Englische: Das Dokument ist alt.",
    "Korrigiere: „Ich habe gegangen“",
    "Traduis « bonjour » en anglais.",
    "Traduis cette phrase en anglais : Le chat dort.",
    "Traduce 'buenos días' al inglés.",
    "Traduce esta frase al inglés: El gato duerme.",
    "Traduza 'bom dia' para o inglês.",
    "Traduci 'buongiorno' in inglese.",
    "Переведи «доброе утро» на английский.",
    "Переведи на английский: Кошка спит.",
    "请把“早上好”翻译成英文。",
    "翻译成英文：猫在睡觉。",
    "请翻译这句话：猫在睡觉。",
    "「おはよう」を英語に翻訳してください。",
    "次の文を英語に翻訳してください：猫が寝ている。",
    "Translate the text below into German.\n\nThe cat sleeps.",
]


@pytest.mark.parametrize("request_", EARLIER)
def test_what_names_a_text_and_brings_none_points_back(request_: str) -> None:
    assert points_back([request_])


@pytest.mark.parametrize("request_", OWN)
def test_what_brings_its_text_or_names_none_does_not(request_: str) -> None:
    assert not points_back([request_])


def test_a_text_in_a_part_of_its_own_is_brought_too() -> None:
    assert not points_back(["The cat sat on the mat, and the dog slept in the yard until noon.", "Translate it."])
    assert points_back(["Thanks!", "Translate it."])


def test_a_message_of_any_length_is_no_request() -> None:
    assert not points_back(["Translate the text above. " * 100])
