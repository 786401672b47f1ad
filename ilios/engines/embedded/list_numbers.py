"""Numbers of lists as documents show them, by the names that Word has for their formats.

Browsers and OpenDocument count letters otherwise than Office: `alphabetic`.
"""

from __future__ import annotations

from typing import Final

_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
BOXES: Final = ("☐", "☒", "☑", "✓", "✗")  #: bullets that say whether something is done
ROMAN_MAX: Final = 3999
LATIN: Final = "abcdefghijklmnopqrstuvwxyz"
GREEK: Final = "αβγδεζηθικλμνξοπρστυφχψω"
_RUSSIAN: Final = "абвгдежзиклмнопрстуфхцчшщыэюя"
#: Formats that count through letters or signs; after the last they repeat it: z, aa, bb.
_LETTERS: Final = {
    "lowerLetter": LATIN,
    "upperLetter": LATIN.upper(),
    "russianLower": _RUSSIAN,
    "russianUpper": _RUSSIAN.upper(),
    "arabicAlpha": "أبتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "arabicAbjad": "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ",
    "hebrew2": "אבגדהוזחטיכלמנסעפצקרשת",
    "thaiLetters": "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "ganada": "가나다라마바사아자차카타파하",
    "chosung": "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ",
    "aiueo": (
        "アイウエオカキクケコサシスセソタチツテトナニヌネノ"
        "ハヒフヘホマミムメモヤユヨラリルレロワヲン"
    ),
    "iroha": (
        "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノ"
        "オクヤマケフコエテアサキユメミシヱヒモセスン"
    ),
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
}
#: Formats that have a sign for each of a few numbers, from 1 on.
_SIGNS: Final = {
    "decimalEnclosedCircle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "decimalEnclosedParen": "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇",
    "decimalEnclosedFullstop": "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖⒗⒘⒙⒚⒛",
    "ideographEnclosedCircle": "㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉",
}
_DIGITS: Final = {
    "decimalFullWidth": "０１２３４５６７８９",
    "ideographDigital": "〇一二三四五六七八九",
    "japaneseDigitalTenThousand": "〇一二三四五六七八九",
    "koreanDigital": "영일이삼사오육칠팔구",
    "hindiNumbers": "०१२३४५६७८९",
    "thaiNumbers": "๐๑๒๓๔๕๖๗๘๙",
}
_COUNTED: Final = (
    "chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting",
    "taiwaneseCountingThousand",
)  # fmt: skip
_SAME: Final = {
    "aiueoFullWidth": "aiueo",
    "irohaFullWidth": "iroha",
    "decimalEnclosedCircleChinese": "decimalEnclosedCircle",
    "decimalFullWidth2": "decimalFullWidth",
    "taiwaneseDigital": "ideographDigital",
    "koreanDigital2": "ideographDigital",
}
_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS: Final = (
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_REPEATS_MAX: Final = 30
_WIDTH_MAX: Final = 10


def written(number: int, number_format: str) -> str:
    """Return a number in one of the formats; in digits where the format has no form for it.

    A format of digits, as `001`, tells how many there are.
    """
    name = _SAME.get(number_format, number_format)
    if name == "none":
        return ""
    if name == "decimalZero":
        return f"{number:02}"
    if name.isdecimal():
        return str(number).zfill(min(len(name), _WIDTH_MAX))
    if name == "numberInDash":
        return f"- {number} -"
    if name == "hex":
        return f"{number:X}"
    if name == "ordinal":
        return _ordinal(number)
    if name in _DIGITS:
        return "".join(_DIGITS[name][int(digit)] for digit in str(abs(number)))
    return (_by_letters(number, name) if number > 0 else "") or str(number)


def alphabetic(number: int, alphabet: str = LATIN) -> str:
    """Write a number in letters that go on with aa, ab, ac; below 1 in digits."""
    if number < 1:
        return str(number)
    letters = ""
    while number:
        number, letter = divmod(number - 1, len(alphabet))
        letters = alphabet[letter] + letters
    return letters


def _by_letters(number: int, name: str) -> str:
    if name in _LETTERS:
        round_number, index = divmod(number - 1, len(_LETTERS[name]))
        return _LETTERS[name][index] * (round_number + 1) if round_number < _REPEATS_MAX else ""
    if name in _SIGNS:
        return _SIGNS[name][number - 1 : number]
    if name in ("lowerRoman", "upperRoman"):
        return _roman(number).upper() if name == "upperRoman" else _roman(number)
    if name in ("cardinalText", "ordinalText"):
        return _in_words(number, ordinal=name == "ordinalText").capitalize()
    return _counted(number) if name in _COUNTED else ""


def _roman(number: int) -> str:
    if number > ROMAN_MAX:
        return ""
    letters = ""
    for value, letter in _ROMAN:
        letters += letter * (number // value)
        number %= value
    return letters


def _counted(number: int) -> str:
    """Write a number below 100 as it is said in Chinese and Japanese: 十, 十一, 二十."""
    if number >= 100:
        return ""
    tens, ones = divmod(number, 10)
    digits = _DIGITS["ideographDigital"]
    head = ("十" if tens == 1 else digits[tens] + "十") if tens else ""
    return head + (digits[ones] if ones else "")


def _ordinal(number: int) -> str:
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _in_words(number: int, *, ordinal: bool) -> str:
    if number >= 100:
        return ""
    tens, ones = divmod(number, 10)
    parts = [_ONES[number]] if number < 20 else [_TENS[tens], *([_ONES[ones]] if ones else [])]
    if ordinal:
        last = parts[-1]
        stem = last[:-1] + "ie" if last.endswith("y") else last
        parts[-1] = _ORDINALS.get(last, f"{stem}th")
    return "-".join(parts)
