// Reads formulas from standard input, one JSON array [latex, display] a line; answers each with one
// line: a JSON string, empty if KaTeX accepts the formula, else what it says.
const katex = require("katex");
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", (line) => {
  const [latex, displayMode] = JSON.parse(line);
  let complaint = "";
  try {
    katex.renderToString(latex, { displayMode, throwOnError: true, strict: complaintLevel });
  } catch (error) {
    complaint = String(error.message || error);
  }
  process.stdout.write(JSON.stringify(complaint) + "\n");
});

// Letters that its fonts lack are drawn in another font; all else that it would warn of is a fault.
function complaintLevel(code) {
  return ["unknownSymbol", "symbolNotInFont"].includes(code) ? "ignore" : "error";
}
