/**
 * The look of the page. Fonts are the reader's own. Text has a contrast of at least 4.5 to 1 and lines of charts 3 to 1 on
 * both backgrounds; what a colour says is said in words or by a width as well. Print is light.
 */
export const pageStyle = `
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--ink:#17212b;--soft:#52606d;--rule:#d9e0e7;--a:#1d5fbf;--b:#b4410e;
--c:#0f766e;--calm:#2b7f8c;--warm:#b86e00;--hot:#c62828;--shade:#e9edf1;--band:#1d5fbf22;--good:#1b6b3a;--fair:#8a5200;--ring:#1d5fbf}
@media screen and (prefers-color-scheme:dark){:root{--page:#10151b;--card:#19212a;--ink:#e8edf2;--soft:#a3b1bf;--rule:#313d49;
--a:#74acff;--b:#ff9a62;--c:#4fd1c0;--calm:#46a9b8;--warm:#e0982f;--hot:#ff7373;--shade:#232d38;--band:#74acff30;
--good:#63cf8f;--fair:#eeb04f;--ring:#74acff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:40px}
h1{font-size:1rem;font-weight:600;color:var(--soft);margin:0 0 14px;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:44px 0 12px}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
.answer{font-size:clamp(1.35rem,1rem + 1.9vw,2.1rem);line-height:1.28;font-weight:650;letter-spacing:-.01em;margin:0 0 24px;
max-width:40ch;overflow-wrap:anywhere;text-wrap:pretty}
.verdict{display:inline-block;border:2px solid currentColor;border-radius:99px;padding:1px 12px;font-weight:650;font-size:.9rem;
margin:0 0 12px}
.holds{color:var(--good)}.full,.failing{color:var(--fair)}.overloaded,.empty-run{color:var(--hot)}
.card{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:16px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0}
.figures dt{color:var(--soft);font-size:.88rem}
.figures dd{margin:2px 0 0}
.figures b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.figures span{color:var(--soft);font-size:.88rem}
.warnings{border-left:4px solid var(--warm);background:var(--card);border-radius:0 12px 12px 0;padding:14px 18px;margin-top:24px}
.warnings h2{font-size:1rem;margin:0 0 4px}
.warnings ul{margin:0;padding-left:20px}
.limits{list-style:none;margin:0;padding:0;display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr))}
.limits .hit:first-child{border-left:4px solid var(--hot)}
.limits small{font-weight:400;color:var(--soft);font-size:.9rem;margin-left:4px}
.limits p{margin:6px 0 0;overflow-wrap:anywhere}
.facts,.empty{color:var(--soft);font-size:.92rem}
.grid-2{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));align-items:start}
figure{margin:0;min-width:0}
figcaption p{margin:2px 0 8px;color:var(--soft);font-size:.88rem}
svg{display:block;width:100%;height:auto;overflow:visible;font-size:12px;fill:var(--ink)}
svg:focus-visible,.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--ring);outline-offset:3px;border-radius:4px}
.say{margin:4px 0 0;color:var(--soft);font-size:.85rem;min-height:1.5em;font-variant-numeric:tabular-nums}
.bars{max-width:640px}
.grid{stroke:var(--rule)}.axis{stroke:var(--soft)}.cursor{stroke:var(--ink);visibility:hidden;pointer-events:none}
.tick{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}.end{text-anchor:end}.mid{text-anchor:middle}
.note{fill:var(--soft);font-size:11px}.mark{font-weight:600}
.note,.mark,.calls{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.line{fill:none;stroke-width:2.4;stroke-linejoin:round;stroke-linecap:round}
.line.a{stroke:var(--a)}.line.b{stroke:var(--b);stroke-width:1.4}.line.c{stroke:var(--c)}
.dot.a{fill:var(--a)}.dot.b{fill:var(--b)}.dot.c{fill:var(--c)}
.warmup{fill:var(--shade)}.warmup.key{stroke:var(--soft);stroke-dasharray:3 3}.band{fill:var(--band)}.cut{stroke:var(--soft);stroke-dasharray:3 3}
.calm{fill:var(--calm)}.warm{fill:var(--warm)}.hot{fill:var(--hot)}
.whisker{stroke:var(--ink);fill:none;stroke-width:1.5}
.name.limit{font-weight:700}
.architecture .box{fill:var(--card);stroke:var(--soft);stroke-width:1}
.architecture .box.limit{stroke:var(--hot);stroke-width:3}.architecture .box.next{stroke:var(--ink);stroke-width:2}
.architecture .title{font-size:13px;font-weight:600}
.architecture .icon{fill:none;stroke:var(--soft);stroke-width:1.2;stroke-linejoin:round;stroke-linecap:round}
.use{font-size:12px;font-weight:600}.track{fill:var(--shade)}
.link{fill:none;stroke:var(--soft);stroke-width:1.3}.async{stroke-dasharray:5 4}.head{fill:var(--soft)}.calls{font-size:11px;fill:var(--soft)}
.flag.limit{fill:var(--hot)}.flag.next{fill:var(--ink)}.flag-text{fill:var(--card);font-size:11px;font-weight:700}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:.85rem;margin:10px 0 0;padding:0;list-style:none}
.legend i{display:inline-block;width:18px;height:8px;border-radius:4px;margin-right:6px}
.legend .calm{background:var(--calm)}.legend .warm{background:var(--warm)}.legend .hot{background:var(--hot)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding-bottom:8px}
caption span{display:inline-block;position:sticky;left:0;max-width:min(100%,calc(100vw - 66px))}
th,td{padding:7px;text-align:right;border-top:1px solid var(--rule);vertical-align:top;white-space:nowrap}
thead th{border-top:0;color:var(--soft);font-weight:600}
th:first-child{text-align:left;font-weight:600;white-space:normal;overflow-wrap:anywhere;min-width:10em;position:sticky;left:0;
background:var(--card)}
td small,th small{display:block;color:var(--soft);font-weight:400;font-size:.8rem}
.none{color:var(--soft)}tr.limit th:first-child{box-shadow:inset 3px 0 var(--hot)}
.after{margin-top:16px}
.narrow th:first-child{min-width:0}
.method{margin:0;display:grid;gap:0 32px;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr))}
.method div{display:grid;grid-template-columns:9em 1fr;padding:6px 0;border-top:1px solid var(--rule)}
.method dt{color:var(--soft)}.method dd{margin:0;overflow-wrap:anywhere}
details{margin-top:14px}summary{cursor:pointer;color:var(--soft)}
pre{overflow:auto;max-height:24em;font-size:.8rem;background:var(--page);padding:12px;border-radius:8px}
.links{columns:18em;font-size:.9rem;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.85rem;padding-top:32px;padding-bottom:48px}
@media (max-width:520px){.plot{font-size:14px}.bars,.plot .tick,.plot .note,.bars .tick{font-size:13px}.bars .ends{display:none}
th:first-child{min-width:8.5em}
main,header,footer{padding-left:12px;padding-right:12px}
header{padding-top:24px}.card{padding:12px}.method div{grid-template-columns:1fr}}
@media print{body{background:#fff;font-size:11pt}.say,details{display:none}.card{break-inside:avoid}h2{break-after:avoid}
.scroll{overflow:visible}.architecture{min-width:0!important}table{font-size:8pt}th,td{padding:3px 4px}
.grid-2{grid-template-columns:1fr 1fr}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
