"""The page while it runs: the report's words and drawings, filled in by what is told as it comes."""

from __future__ import annotations

from shareout.show.report.style import STYLE

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>shareout</title><link rel="stylesheet" href="page.css"></head>
<body><main>
<header><h1 id="name">shareout</h1><span class="soft" id="where"></span></header>
<p class="stale" id="stale" role="alert" hidden></p>
<div class="head"><b class="share" id="share"></b><p class="first" id="first">Waiting for the first look …</p></div>
<div class="progress" id="progress" role="progressbar" aria-label="settled" aria-valuemin="0" aria-valuemax="100"></div>
<div class="tiles" id="tiles"></div>
<p class="soft proof" id="note" hidden></p>
<p class="hidden" id="polite" role="status"></p>
<section id="failures" hidden><h2>Failures</h2><p class="soft">The last ones; some may have been tried again since.</p>
<div id="failed"></div></section>
<section id="machines" hidden><h2>Machines</h2><div class="wide"><table><thead><tr><th scope="col">machine</th>
<th scope="col">how far</th><th scope="col" class="n">done</th><th scope="col" class="n">failed</th>
<th scope="col" class="n">running</th><th scope="col" class="n">to do</th><th scope="col" class="n">rate</th>
<th scope="col" class="n">ends in</th><th scope="col">state</th></tr></thead><tbody></tbody></table></div></section>
<section id="throughput" hidden><h2>Throughput</h2><p class="soft">Jobs settled a second, machine upon machine.</p>
<div class="legend" id="legend"></div><div id="drawn"></div></section>
<section id="groups" hidden><h2>Groups</h2><p class="soft" id="counted" hidden></p>
<div class="wide"><table><thead><tr><th scope="col">group</th>
<th scope="col">how far</th><th scope="col" class="n">done</th><th scope="col" class="n">failed</th>
<th scope="col" class="n">running</th>
<th scope="col" class="n">to do</th><th scope="col" class="n">median</th><th scope="col" class="n">90%</th></tr></thead>
<tbody></tbody></table></div></section><section id="active" hidden><h2>Running longest</h2>
<div class="wide"><table><thead><tr>
<th scope="col">job</th><th scope="col">what</th><th scope="col">machine</th><th scope="col" class="n">slot</th>
<th scope="col" class="n">try</th><th scope="col" class="n">since</th></tr></thead><tbody></tbody></table></div>
</section>
</main><script src="page.js"></script></body></html>
"""

LIVE_STYLE = (
    STYLE
    + """
.stale{background:var(--bad);color:#fff;border-radius:8px;padding:8px 12px;margin:10px 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
"""
)
