"""What tells languages apart in bytes of an unknown code page: their letters and small words."""

from __future__ import annotations

from typing import Final, NamedTuple

_WESTERN: Final = "cp1252 mac_roman cp850 cp437"
_CENTRAL: Final = "cp1250 iso8859-2 cp852"
_CYRILLIC: Final = "cp1251 koi8-r cp866 mac_cyrillic iso8859-5"


class Language(NamedTuple):
    """A language that is written in code pages of one byte a character."""

    letters: str  #: beyond ASCII, the frequent ones first
    words: frozenset[str]  #: small words within ASCII that English does not have
    code_pages: tuple[str, ...]


def _language(letters: str, code_pages: str, words: str = "") -> Language:
    return Language(letters, frozenset(words.split()), tuple(code_pages.split()))


LANGUAGES: Final = (
    _language("’“”–‘—…•éï£", _WESTERN, "the and of to is in for that with are this"),
    _language("üäöß", f"{_WESTERN} cp1250 iso8859-2", "und der das ist nicht mit ein eine von zu"
        " wird werden kann auf des im"),
    _language("éèàêç’ùîôâûïëœ", _WESTERN, "de la le les des est un une pas pour dans en du sur"),
    _language("óíáéñúü", _WESTERN, "de la el los que se en un una con del es las por"),
    _language("àèòùìé’", _WESTERN, "di il la non che un una del della sono con da"),
    _language("ãçáéíõóêâúàô", _WESTERN, "de que da em um uma os para com se dos"),
    _language("äåöé", _WESTERN, "och att det som en inte med av kan till den om"),
    _language("åøæé", _WESTERN, "og er ikke til det en af av som med den kan fra"),
    _language("äöå", _WESTERN, "ja ei tai se voi kun ole oli"),
    _language("ëéïèü", _WESTERN, "de het een van niet en voor met dat te kan wordt"),
    _language("êëéôûïè", _WESTERN, "die van nie en om vir het wat"),
    _language("ëç", _WESTERN, "nuk dhe me nga se"),
    _language("áíðéúóýþæö", _WESTERN, "og er ekki sem til var"),
    _language("óéàíèòç·úïü", _WESTERN, "de la el un que en una amb els"),
    _language("íáěéřžčýšůúťďňó", _CENTRAL, "je na se pro nebo z ve"),
    _language("ęąłżóśćńź", _CENTRAL, "nie jest w na z lub dla od"),
    _language("áéóöőíüúű", _CENTRAL, "az nem egy hogy vagy ez"),
    _language("ăîâşţ", _CENTRAL, "de nu un este la pentru sau din cu"),
    _language("áíéčžýšúťľňôďĺŕäó", _CENTRAL, "je nie na sa pre alebo"),
    _language("čžšćđ", _CENTRAL, "je nije za ne na se ili ni"),
    _language("ıüşğçöiâ", "cp1254", "bir ve bu ile olarak"),
    _language("ėšžųįūąčę", "cp1257", "ir yra nuo kaip ne su"),
    _language("āīēšūņļžģčķ", "cp1257", "un nav ir uz"),
    _language("äõüöšž", "cp1257 cp1252", "ei ja ning see"),
    _language("đưàáôơêâăóíúéùèý", "cp1258", "trong cho kh th nh"),
    _language("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", _CYRILLIC),
    _language("оанитіревлсдкмпузьяйгбшчюєхцїжщґф", "cp1251 koi8-u"),
    _language("аоиетнрсвлдпкмзящуъгчбжхцьюйшф", "cp1251 cp866 mac_cyrillic iso8859-5"),
    _language("аиоенрстујвдкмплзбгцчшжњљхћђфџ", "cp1251 iso8859-5"),
    _language("αοτιεσνςρπκυηόλίμάέγδθωχύήφώβξζψϊ", "cp1253 iso8859-7"),
    _language("יולהתאמרשבנםקדכעחפגטזסץןצף", "cp1255"),
    _language("المينرتوبةعدفسهكقحجشطصخىأئءزضذثغإآظؤ،", "cp1256"),
    _language("انیرددهمتوسبشکزگلخفپعجقچحطضصغ،", "cp1256"),
    _language("านรกองีเมยลวดทสต่ปบัคหแจพชข้ใไะ์โิุูึๆผซฟฉถธณภศษฎฏฐฑฒฤำ", "cp874"),
)  # fmt: skip

HAN: Final = frozenset(
    "的是不一在有我他这大来上国和地出要时得可下生会自之去过家学里后小么多天而成方"
    "了个为以人于对着如经发面没信使用到中名能定车日年行文件无法选项设置请输入错误取消"
    "這來國時會過學裡後麼為於對著經發沒車無選項設請輸誤檔案個們们說从現開關東長門問間"
)
"""Frequent characters of Chinese: one of six in any text, or more."""
HANGUL: Final = frozenset(
    "이다는을의가에지고하로니사한를인기정은시일파대도스어용자수없습할해부그서리라있보아나장전과주"
    "제성실설드안음오"
)
