"""How the report looks, light and dark, and the few lines that copy a block. No `<` and no `&`, so that the page is
well-formed XML as well as HTML."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--bg:#fbfbf9;--card:#fff;--ink:#1c2126;--soft:#5d6873;--line:#e2e4e3;--bad:#c8372d;
--good:#2c7d54;--c0:#3a6fc4;--c1:#d98a2b;--c2:#35966b;--c3:#b0529a;--c4:#7d62c9;--c5:#2299ab;--c6:#b79a21;--cx:#8b949c}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e6e8e9;--soft:#9aa5ae;--line:#30363b;
--bad:#f0766c;--good:#6cc496;--c0:#6f9ff0;--c1:#eaa857;--c2:#62c096;--c3:#d985c5;--c4:#a892ee;--c5:#58c3d3;--c6:#d8bf55;
--cx:#7f8a93}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1060px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 4px}
p{margin:0 0 10px}
.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:16px}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin-top:16px}
.tile{flex:1 1 120px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 14px}
.tile b{display:block;font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}
.tile.bad b,.badtext{color:var(--bad)}
.tile.good b{color:var(--good)}
.wide{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);padding:4px 10px 4px 0}
td{border-bottom:1px solid var(--line);padding:4px 10px 4px 0;vertical-align:top}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
code,pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td code{display:inline-block;min-width:14em;overflow-wrap:anywhere}
pre{background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:6px 0;overflow-x:auto}
summary{cursor:pointer}details{margin:2px 0}section p{overflow-wrap:anywhere}
button{font:inherit;font-size:13px;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:6px;
padding:2px 10px;cursor:pointer}
svg{display:block;width:100%;height:auto;margin-top:8px}
svg text{font-size:11.5px;fill:var(--soft)}
.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--line);stroke-width:1}
.mark{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
.c6{--c:var(--c6)}.cx{--c:var(--cx)}.bad{--c:var(--bad)}
.fill{fill:var(--c)}
.s1{opacity:.22}.s2{opacity:.4}.s3{opacity:.6}.s4{opacity:.8}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;background:var(--c);margin-right:6px}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px}
@media print{section{break-inside:avoid}body{background:#fff}}
"""

SCRIPT = """
for (const button of document.querySelectorAll("button[data-copy]")) button.onclick = () => {
  const range = document.createRange();
  range.selectNodeContents(document.getElementById(button.dataset.copy));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  button.textContent = document.execCommand("copy") ? "copied" : "selected";
};
"""
