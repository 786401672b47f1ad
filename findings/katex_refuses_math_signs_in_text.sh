#!/usr/bin/env bash
# KaTeX: inside \text some signs of mathematics are errors, while letters of any script are fine.
#
# One would guess: \text{…} takes any text, as a word between formulas; a sign that KaTeX can draw in
# math mode can stand there too, and one without a glyph gets a warning at most, as letters do.
#
# What happens: in Unicode some signs are defined as macros that are allowed in math mode only. Those
# throw a ParseError in \text, even with `strict: "ignore"` ("Can't use function … in text mode",
# where the function is one that the writer never wrote), while their neighbours ("less or equal")
# and Cyrillic or Chinese letters pass. `throwOnError: false` shows the whole formula as red source.
#
# Why it matters: Word and MathML mark words in formulas as text, and such words hold signs. A
# converter that puts them into \text writes formulas that no page with KaTeX shows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts katex@0.19.1 > install.log 2>&1
cat > run.mjs <<'JAVASCRIPT'
import katex from "katex";

const says = (latex) => {
  try {
    katex.renderToString(latex, { strict: "ignore" });
    return "accepted";
  } catch (error) {
    return error.message.replace(/\s+/g, " ").slice(0, 90);
  }
};
const expected = {
  "\\neq": true, "≠": true, "\\text{≤}": true, "\\text{слово}": true, "\\text{中}": true,
  "\\text{≠}": false, "\\text{∑}": false, "\\text{ℬ}": false,
};
console.log("KaTeX", katex.version);
for (const [latex, isAccepted] of Object.entries(expected)) {
  const said = says(latex);
  console.log(latex, "->", said);
  if ((said === "accepted") !== isAccepted) process.exit(1);
}
JAVASCRIPT
node run.mjs
