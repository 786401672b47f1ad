"""Characters of formulas, and the commands of LaTeX that stand for them."""

from __future__ import annotations

from typing import Final

_GREEK = r"""
α \alpha β \beta γ \gamma δ \delta ε \varepsilon ϵ \epsilon ζ \zeta η \eta θ \theta ϑ \vartheta
ι \iota κ \kappa ϰ \varkappa λ \lambda μ \mu ν \nu ξ \xi ο o π \pi ϖ \varpi ρ \rho ϱ \varrho
σ \sigma ς \varsigma τ \tau υ \upsilon φ \varphi ϕ \phi χ \chi ψ \psi ω \omega ϝ \digamma
Α \mathrm{A} Β \mathrm{B} Γ \Gamma Δ \Delta Ε \mathrm{E} Ζ \mathrm{Z} Η \mathrm{H} Θ \Theta
Ι \mathrm{I} Κ \mathrm{K} Λ \Lambda Μ \mathrm{M} Ν \mathrm{N} Ξ \Xi Ο \mathrm{O} Π \Pi Ρ \mathrm{P}
Σ \Sigma Τ \mathrm{T} Υ \Upsilon Φ \Phi Χ \mathrm{X} Ψ \Psi Ω \Omega
"""
_LETTERS = r"""
ℏ \hbar ℓ \ell ℘ \wp ı \imath ȷ \jmath ℵ \aleph ℶ \beth ℷ \gimel ℸ \daleth ð \eth Ⅎ \Finv
ⅅ \mathbb{D} ⅆ d ⅇ e ⅈ i ⅉ j ℎ h ℑ \Im ℜ \Re ∂ \partial ∇ \nabla ∞ \infty ∅ \emptyset
∀ \forall ∃ \exists ∄ \nexists ∁ \complement ⊤ \top ⊥ \bot ∠ \angle ∡ \measuredangle
∢ \sphericalangle ° {}^{\circ} § \S ¶ \P £ \pounds ¥ \yen † \dagger ‡ \ddagger © \copyright
♠ \spadesuit ♡ \heartsuit ♢ \diamondsuit ♣ \clubsuit ♭ \flat ♮ \natural ♯ \sharp ✓ \checkmark
□ \square ■ \blacksquare △ \triangle ▲ \blacktriangle ▽ \triangledown ▼ \blacktriangledown
◊ \lozenge ⧫ \blacklozenge ★ \bigstar ∎ \blacksquare … \ldots ⋯ \cdots ⋮ \vdots ⋱ \ddots
"""
_OPERATORS = r"""
− - × \times ÷ \div ± \pm ∓ \mp · \cdot ⋅ \cdot ∙ \bullet • \bullet ∘ \circ ∗ \ast ⋆ \star
∖ \setminus ∕ / ⁄ / ⊕ \oplus ⊖ \ominus ⊗ \otimes ⊘ \oslash ⊙ \odot ⊚ \circledcirc ⊛ \circledast
⊝ \circleddash ⊞ \boxplus ⊟ \boxminus ⊠ \boxtimes ⊡ \boxdot ∧ \wedge ∨ \vee ⊻ \veebar
⊼ \barwedge ¬ \neg ∩ \cap ∪ \cup ⊓ \sqcap ⊔ \sqcup ⊎ \uplus ≀ \wr ⋄ \diamond ⨿ \amalg
⋉ \ltimes ⋊ \rtimes ⋋ \leftthreetimes ⋌ \rightthreetimes ⋎ \curlyvee ⋏ \curlywedge ⋒ \Cap
⋓ \Cup ∔ \dotplus ⊺ \intercal ∶ : ∷ :: ′ ' ″ '' ‴ ''' ⁗ '''' ‵ \backprime √ \surd
"""
_RELATIONS = r"""
≤ \leq ≥ \geq ⩽ \leqslant ⩾ \geqslant ≦ \leqq ≧ \geqq ≨ \lneqq ≩ \gneqq ≪ \ll ≫ \gg ⋘ \lll
⋙ \ggg ≠ \neq ≡ \equiv ≢ \not\equiv ≈ \approx ≉ \not\approx ≊ \approxeq ≅ \cong ≇ \ncong
≃ \simeq ≄ \not\simeq ∼ \sim ≁ \nsim ∽ \backsim ⋍ \backsimeq ≍ \asymp ≎ \Bumpeq ≏ \bumpeq
≐ \doteq ≑ \doteqdot ≒ \fallingdotseq ≓ \risingdotseq ≔ \coloneqq ≕ \eqqcolon ≖ \eqcirc
≗ \circeq ≜ \triangleq ∝ \propto ∈ \in ∉ \notin ∋ \ni ∌ \not\ni ⊂ \subset ⊃ \supset ⊄ \not\subset
⊅ \not\supset ⊆ \subseteq ⊇ \supseteq ⊈ \nsubseteq ⊉ \nsupseteq ⊊ \subsetneq ⊋ \supsetneq
⊏ \sqsubset ⊐ \sqsupset ⊑ \sqsubseteq ⊒ \sqsupseteq ⋐ \Subset ⋑ \Supset ≺ \prec ≻ \succ
≼ \preccurlyeq ≽ \succcurlyeq ⪯ \preceq ⪰ \succeq ≾ \precsim ≿ \succsim ⊀ \nprec ⊁ \nsucc
≮ \nless ≯ \ngtr ≰ \nleq ≱ \ngeq ≲ \lesssim ≳ \gtrsim ≶ \lessgtr ≷ \gtrless ⋚ \lesseqgtr
⋛ \gtreqless ⊢ \vdash ⊣ \dashv ⊨ \models ⊩ \Vdash ⊪ \Vvdash ⊬ \nvdash ⊭ \nvDash ⊮ \nVdash
⊯ \nVDash ∣ \mid ∤ \nmid ∥ \parallel ∦ \nparallel ⟂ \perp ⋈ \bowtie ⌢ \frown ⌣ \smile ∴ \therefore
∵ \because ⊲ \vartriangleleft ⊳ \vartriangleright ⊴ \trianglelefteq ⊵ \trianglerighteq
⋪ \ntriangleleft ⋫ \ntriangleright ⋬ \ntrianglelefteq ⋭ \ntrianglerighteq ≬ \between ⋔ \pitchfork
‼ !! ∹ -: ≘ \overset{\frown}{=} ≚ \overset{\vee}{=} ≛ \overset{\star}{=}
≞ \overset{\mathrm{m}}{=} ⦃ \lBrace ⦄ \rBrace ⦵ \minuso ↤ \mapsfrom ⩵ == ⩴ ::=
≙ \overset{\wedge}{=} ≝ \overset{\mathrm{def}}{=} ≟ \overset{?}{=}
"""
_ARROWS = r"""
← \leftarrow → \rightarrow ↑ \uparrow ↓ \downarrow ↔ \leftrightarrow ↕ \updownarrow ↖ \nwarrow
↗ \nearrow ↘ \searrow ↙ \swarrow ↚ \nleftarrow ↛ \nrightarrow ↞ \twoheadleftarrow
↠ \twoheadrightarrow ↢ \leftarrowtail ↣ \rightarrowtail ↦ \mapsto ↩ \hookleftarrow
↪ \hookrightarrow ↫ \looparrowleft ↬ \looparrowright ↭ \leftrightsquigarrow ↮ \nleftrightarrow
↰ \Lsh ↱ \Rsh ↶ \curvearrowleft ↷ \curvearrowright ↺ \circlearrowleft ↻ \circlearrowright
↼ \leftharpoonup ↽ \leftharpoondown ↾ \upharpoonright ↿ \upharpoonleft ⇀ \rightharpoonup
⇁ \rightharpoondown ⇂ \downharpoonright ⇃ \downharpoonleft ⇄ \rightleftarrows ⇆ \leftrightarrows
⇇ \leftleftarrows ⇈ \upuparrows ⇉ \rightrightarrows ⇊ \downdownarrows ⇋ \leftrightharpoons
⇌ \rightleftharpoons ⇍ \nLeftarrow ⇎ \nLeftrightarrow ⇏ \nRightarrow ⇐ \Leftarrow ⇑ \Uparrow
⇒ \Rightarrow ⇓ \Downarrow ⇔ \Leftrightarrow ⇕ \Updownarrow ⇚ \Lleftarrow ⇛ \Rrightarrow
⇝ \rightsquigarrow ⟵ \longleftarrow ⟶ \longrightarrow ⟷ \longleftrightarrow ⟸ \Longleftarrow
⟹ \Longrightarrow ⟺ \Longleftrightarrow ⟼ \longmapsto ⊸ \multimap
"""
_LARGE = r"""
∑ \sum ∏ \prod ∐ \coprod ∫ \int ∬ \iint ∭ \iiint ∮ \oint ∯ \oiint ∰ \oiiint ⋀ \bigwedge ⋁ \bigvee
⋂ \bigcap ⋃ \bigcup ⨀ \bigodot ⨁ \bigoplus ⨂ \bigotimes ⨄ \biguplus ⨆ \bigsqcup
"""
_BRACKETS = r"""
( ( ) ) [ [ ] ] { \{ } \} | \vert ‖ \Vert ∥ \Vert ⟨ \langle ⟩ \rangle 〈 \langle 〉 \rangle
〈 \langle 〉 \rangle ⌊ \lfloor ⌋ \rfloor ⌈ \lceil ⌉ \rceil / / \ \backslash ⟮ \lgroup
⟯ \rgroup ⎰ \lmoustache ⎱ \rmoustache ↑ \uparrow ↓ \downarrow ↕ \updownarrow ⇑ \Uparrow
⇓ \Downarrow ⇕ \Updownarrow < \langle > \rangle ∣ \vert
"""
_OWN = r"""
| \vert * \ast # \# % \% & \& $ \$ { \{ } \} ~ \sim _ \_ \ \backslash ‖ \Vert
⟨ \langle ⟩ \rangle 〈 \langle 〉 \rangle 〈 \langle 〉 \rangle ⌊ \lfloor ⌋ \rfloor ⌈ \lceil
⌉ \rceil ⟦ \llbracket ⟧ \rrbracket ⌜ \ulcorner ⌝ \urcorner ⌞ \llcorner ⌟ \lrcorner
"""


def _table(*lists: str) -> dict[str, str]:
    words = " ".join(lists).split()
    return dict(zip(words[::2], words[1::2], strict=True))


BRACKETS: Final = _table(_BRACKETS)
"""What may stand behind `\\left`, `\\middle` and `\\right`."""

LARGE: Final = _table(_LARGE)

COMMANDS: Final = {
    **_table(_GREEK, _LETTERS, _OPERATORS, _RELATIONS, _ARROWS, _OWN),
    **LARGE,
    "<": "< ",  # never the start of a tag
    "\u00b5": r"\mu",
    "\u2126": r"\Omega",
    "\u2206": r"\Delta",
    "^": r"\text{\textasciicircum}",
    "`": r"\text{‘}",
    "\u2010": "-",
    "\u2011": "-",
    "\u2018": r"\text{‘}",
    "\u2019": "'",
    # Operators that are not seen, and spaces.
    **dict.fromkeys("\u2061\u2062\u2063\u2064\u200b\u200c\u200d\ufeff\u2060\ufe0e\ufe0f", ""),
    "\u00a0": r"\ ",
    "\u2002": r"\enspace",
    "\u2003": r"\quad",
    "\u2004": r"\;",
    "\u2005": r"\:",
    "\u2006": r"\,",
    "\u2009": r"\,",
    "\u200a": r"\,",
    "\u202f": r"\,",
    "\u205f": r"\:",
    "\u3000": r"\quad",
}
"""The LaTeX of single characters in a formula; letters and digits of ASCII stand for themselves."""

_ACCENT_SIGNS: Final = {
    r"\hat": "^ˆ\u0302",
    r"\tilde": "~˜\u0303",
    r"\acute": "´ˊ\u0301",
    r"\grave": "`ˋ\u0300",
    r"\overline": "¯‾ˉ\u0305",
    r"\underline": "_\u0332",
    r"\bar": "\u0304",
    r"\breve": "\u0306˘",
    r"\dot": "\u0307˙",
    r"\ddot": "\u0308¨",
    r"\dddot": "\u20db",
    r"\ddddot": "\u20dc",
    r"\mathring": "\u030a˚",
    r"\check": "\u030cˇ",
    r"\vec": "\u20d7",
    r"\overrightarrow": "→",
    r"\overleftarrow": "\u20d6←",
    r"\overleftrightarrow": "\u20e1↔",
    r"\overleftharpoon": "\u20d0↼",
    r"\overrightharpoon": "\u20d1⇀",
    r"\overbrace": "⏞︷",
    r"\underbrace": "⏟︸",
    r"\overgroup": "⏜",
    r"\undergroup": "⏝",
    r"\overbracket": "⎴",
    r"\underbracket": "⎵",
}
ACCENTS: Final = {sign: command for command, signs in _ACCENT_SIGNS.items() for sign in signs}
"""The accent that a sign over (or under) something stands for."""
WIDE_ACCENTS: Final = {
    r"\hat": r"\widehat",
    r"\tilde": r"\widetilde",
    r"\check": r"\widecheck",
    r"\bar": r"\overline",
    r"\vec": r"\overrightarrow",
}

_FUNCTIONS: Final = (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim "
    "liminf limsup ln log max min Pr sec sin sinh sup tan tanh"
)
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
_LIMITS: Final = "det gcd inf lim liminf limsup max min Pr sup"
LIMITS: Final = frozenset(_LIMITS.split())
"""Functions below which LaTeX sets what stands below them in the formula."""
