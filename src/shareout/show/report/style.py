"""How the page looks, light and dark, from a telephone to a wall, and on paper."""

from __future__ import annotations

# No `<` and no `&`, so that the page is well-formed XML as well as HTML. Colours come in pairs that differ in lightness
# too, for who cannot tell them apart by hue; what is red is also told in words.
STYLE = """
:root{color-scheme:light dark;--shade:#0003;--bg:#fbfbf9;--card:#fff;--ink:#1c2126;--soft:#59636e;--line:#e2e4e3;
--bad:#c8372d;--badder:#8f1d15;--good:#2c7d54;--c0:#3a6fc4;--c1:#d98a2b;--c2:#35966b;--c3:#b0529a;--c4:#7d62c9;--c5:#2299ab;--c6:#b79a21;--cx:#8b949c}
@media screen and (prefers-color-scheme:dark){:root{--shade:#000c;
--bg:#14171a;--card:#1c2024;--ink:#e6e8e9;--soft:#9aa5ae;--line:#30363b;
--bad:#f0766c;--badder:#b8453c;--good:#6cc496;--c0:#6f9ff0;--c1:#eaa857;--c2:#62c096;--c3:#d985c5;--c4:#a892ee;--c5:#58c3d3;--c6:#d8bf55;
--cx:#7f8a93}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1060px;margin:0 auto;padding:24px 20px 60px}
header{display:flex;flex-wrap:wrap;gap:0 14px;align-items:baseline;justify-content:space-between}
h1{font-size:17px;font-weight:600;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 2px}
p{margin:0 0 10px}
.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:16px}
.head{display:flex;gap:6px 22px;align-items:center;flex-wrap:wrap;margin:14px 0 12px}
.share{font-size:54px;line-height:1;font-weight:650;letter-spacing:-.03em;font-variant-numeric:tabular-nums}
.first{font-size:17px;line-height:1.4;margin:0;flex:1 1 300px}
.progress{display:flex;height:16px;border-radius:8px;overflow:hidden;background:var(--line)}
.progress span,.bar i{background:var(--good)}.progress .cx{background:var(--cx)}
.progress .bad,.bar .bad,.dot.bad{background:repeating-linear-gradient(135deg,var(--bad) 0 4px,var(--badder) 4px 7px)}
.progress .busy,.dot.busy{background:repeating-linear-gradient(90deg,var(--good) 0 2px,transparent 2px 5px)}
.dot.good{background:var(--good)}.dot.left{background:var(--line)}
.bar{display:flex;height:9px;min-width:72px;border-radius:5px;overflow:hidden;background:var(--line);margin-top:6px}
.progress,.bar,.dot{print-color-adjust:exact;-webkit-print-color-adjust:exact;forced-color-adjust:none}
.proof{margin:12px 0 0;overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin-top:14px}
.tile{flex:1 1 118px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:9px 14px;
color:var(--soft)}
.tile b{display:block;font-size:23px;font-weight:600;font-variant-numeric:tabular-nums;color:var(--ink)}
.tile.bad b,.badtext{color:var(--bad)}
.badtext{unicode-bidi:isolate}
.tile.good b{color:var(--good)}
.wide{overflow-x:auto;margin:10px 0;background:
linear-gradient(90deg,var(--card),transparent) 0 0/40px 100% no-repeat local,
linear-gradient(270deg,var(--card),transparent) 100% 0/40px 100% no-repeat local,
linear-gradient(270deg,var(--shade),transparent) 100% 0/12px 100% no-repeat scroll}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);padding:4px 10px 4px 0}
td{border-bottom:1px solid var(--line);padding:4px 10px 4px 0;vertical-align:top}
.n+:not(.n){padding-left:14px}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.words{min-width:13em;overflow-wrap:anywhere}
code,pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td code{display:inline-block;min-width:14em;overflow-wrap:anywhere}
pre{background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:6px 0;
white-space:pre-wrap;overflow-wrap:anywhere}
summary{cursor:pointer}details{margin:2px 0}section p,summary{overflow-wrap:anywhere}
button,input{font:inherit;font-size:13px;color:inherit;background:var(--bg);border:1px solid var(--line);
border-radius:6px;padding:2px 10px}
button{cursor:pointer}
th button{border:0;background:none;padding:0;font-weight:600;color:inherit}
th button::after{content:"\\2195";opacity:.45;margin-left:3px}
th[aria-sort=ascending] button::after{content:"\\2191";opacity:1}
th[aria-sort=descending] button::after{content:"\\2193";opacity:1}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px;border-radius:4px}
figure{margin:0}
figure .at{font-size:13px;margin:2px 0;min-height:1.5em}
svg{display:block;width:100%;height:auto;margin-top:8px}
svg text{font-size:11.5px;fill:var(--soft)}
svg.sample{display:inline-block;width:14px;height:14px;margin:0 5px 0 0;vertical-align:-2px}
.slim{display:none;max-width:520px}
@media (max-width:760px){.share{font-size:42px}.broad{display:none}.slim{display:block}
main{padding:16px 10px 40px}section{padding:14px 12px}
th:first-child,td:first-child{position:sticky;left:0;background:var(--card);max-width:40vw;overflow-wrap:break-word}}
@media (min-width:2000px){main{zoom:1.4}}@media (min-width:3000px){main{zoom:2}}
.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--line);stroke-width:1}
.mark{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3}
.here{fill:var(--ink);opacity:.14;pointer-events:none}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
.c6{--c:var(--c6)}.cx{--c:var(--cx)}.bad{--c:var(--bad)}
.fill{fill:var(--c)}.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.s1{opacity:.22}.s2{opacity:.4}.s3{opacity:.6}.s4{opacity:.8}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;background:var(--c);margin-right:6px}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px}
@media print{:root{color-scheme:light}section{break-inside:avoid}table{font-size:11.5px}
.words{min-width:0}.tile{flex-basis:84px}th button::after{display:none}
body{background:#fff}figure .at,button[data-copy],input{display:none}
main{max-width:none;padding:0}.broad{display:block}.slim{display:none}@page{size:A4;margin:14mm}}
"""
