/** The look of the HTML report: ink on paper, one accent, tones for levels; light, dark and print. */
export const style = `
:root{color-scheme:light dark;--paper:#faf9f5;--surface:#fff;--sunken:#f3f1ea;--ink:#1a1e22;--muted:#555c64;--line:#e4e1d8;--strong:#cbc7bb;--accent:#0f766e;--soft:#e2f0ed;
--critical:#b0123a;--critical-soft:#fbe6ea;--high:#ad3a07;--high-soft:#fbeae0;--medium:#7d5800;--medium-soft:#f7eed6;--low:#2b6190;--low-soft:#e5eef6;--none:#555c64;--none-soft:#eeece5;--good:#0c6b63;--good-soft:#e2f0ed;
--serif:"Iowan Old Style","Charter","Source Serif 4","Palatino Linotype",Georgia,"Liberation Serif",serif;--sans:"Inter","SF Pro Text","Segoe UI Variable Text","Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;--mono:ui-monospace,"SF Mono","Cascadia Mono","JetBrains Mono",Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--paper:#111314;--surface:#181b1c;--sunken:#0d0f10;--ink:#eceae4;--muted:#a7aaa8;--line:#292d2e;--strong:#3f4546;--accent:#5cc4b7;--soft:#13302d;
--critical:#ff8a9c;--critical-soft:#3a161d;--high:#ffa270;--high-soft:#38200f;--medium:#e6bd5a;--medium-soft:#312710;--low:#86b8e6;--low-soft:#132a3d;--none:#a7aaa8;--none-soft:#232728;--good:#5cc4b7;--good-soft:#13302d}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.6 var(--sans);font-feature-settings:"tnum" 1;-webkit-font-smoothing:antialiased}
a{color:var(--accent);text-underline-offset:3px;text-decoration-thickness:1px}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:3px}
code{font:.86em/1.5 var(--mono);overflow-wrap:anywhere}
h1,h2,h3{font-family:var(--serif);font-weight:500;line-height:1.2;letter-spacing:-.012em;text-wrap:balance;margin:0}
h1{font-size:clamp(32px,5vw,46px)}h2{font-size:29px}h3{font-size:19px}
p{margin:0;text-wrap:pretty;max-width:70ch}
.page{max-width:1080px;margin:0 auto;padding:0 32px}
.top{padding:56px 0 40px}
.brand{display:flex;gap:10px;align-items:center;color:var(--muted);font-size:13px;margin-bottom:28px}
.brand svg{display:block;color:var(--accent)}
.lede{font-size:18px;line-height:1.5;color:var(--muted);margin-top:14px}
.facts{display:flex;flex-wrap:wrap;gap:6px 28px;margin-top:22px;font-size:13px;color:var(--muted)}
.facts b{color:var(--ink);font-weight:500}
.figures{display:grid;grid-template-columns:1.25fr 1fr 1fr 1fr;border:1px solid var(--line);border-radius:10px;background:var(--surface);margin-top:34px;overflow:hidden}
.figures>div{padding:18px 22px;border-left:1px solid var(--line)}
.figures>div:first-child{border-left:0}
.figures dt,.label{font-size:12px;color:var(--muted);letter-spacing:.01em}
.figures dd{margin:4px 0 0;font:500 27px/1.2 var(--serif)}
.figures dd small{font:13px/1.4 var(--sans);color:var(--muted);display:block;margin-top:4px}
.bar{display:block;width:100%;height:10px;border-radius:5px;margin-top:26px}
.legend{display:flex;flex-wrap:wrap;gap:6px 20px;margin:12px 0 0;padding:0;list-style:none;font-size:13px;color:var(--muted)}
.legend li{display:flex;align-items:center;gap:7px}
.legend b{color:var(--ink);font-weight:600}
.dot{width:9px;height:9px;border-radius:3px;flex:none;display:inline-block}
nav{position:sticky;top:0;border-top:1px solid var(--line);background:color-mix(in srgb,var(--paper) 92%,transparent);backdrop-filter:blur(8px);border-bottom:1px solid var(--line);z-index:2}
nav ol{display:flex;gap:4px 28px;margin:0;padding:12px 0;list-style:none;font-size:13.5px;overflow-x:auto;white-space:nowrap}
nav a{color:var(--muted);text-decoration:none}nav a:hover{color:var(--ink);text-decoration:underline}
section{padding:56px 0 8px;scroll-margin-top:40px}
details,.callout{scroll-margin-top:60px}
section>header{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;align-items:baseline;margin-bottom:24px}
section>header .no{font:500 29px/1.2 var(--serif);color:var(--accent)}
section>header p{grid-column:2;color:var(--muted)}
.diagram{margin:0;border:1px solid var(--line);border-radius:10px;background:var(--surface);padding:12px;overflow-x:auto}
.diagram svg{display:block;max-width:100%;height:auto;margin:0 auto}
.diagram svg [fill="#ffffff"]{fill:var(--surface)}.diagram svg .plate{fill:var(--surface)}
.diagram svg text{fill:var(--ink);font-family:var(--sans)}.diagram svg .kind,.diagram svg .zone,.diagram svg .flow{fill:var(--muted)}
.note{font-size:13px;color:var(--muted);margin-top:10px}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--surface)}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:500;font-size:12px;color:var(--muted);text-align:left;padding:10px 14px;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:11px 14px;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
td.number,th.number{text-align:right;white-space:nowrap}
td small{color:var(--muted);display:block;font-size:12.5px;line-height:1.45;margin-top:2px}
.id{white-space:nowrap}
.mark{display:inline-flex;align-items:center;gap:6px;padding:2px 9px 2px 8px;border-radius:99px;font-size:12.5px;line-height:1.5;white-space:nowrap;font-weight:500}
.mark svg{flex:none}
.critical{color:var(--critical);background:var(--critical-soft)}.high{color:var(--high);background:var(--high-soft)}.medium{color:var(--medium);background:var(--medium-soft)}.low{color:var(--low);background:var(--low-soft)}.none{color:var(--none);background:var(--none-soft)}.good{color:var(--good);background:var(--good-soft)}
.ink-critical{color:var(--critical)}.ink-high{color:var(--high)}.ink-medium{color:var(--medium)}.ink-low{color:var(--low)}.ink-none{color:var(--none)}.ink-good{color:var(--good)}
.fill-critical{fill:var(--critical);background:var(--critical)}.fill-high{fill:var(--high);background:var(--high)}.fill-medium{fill:var(--medium);background:var(--medium)}.fill-low{fill:var(--low);background:var(--low)}.fill-none{fill:var(--strong);background:var(--strong)}.fill-good{fill:var(--good);background:var(--good)}
.track{fill:var(--none-soft)}.tick{stroke:var(--ink)}
.group{display:grid;gap:10px;margin-top:20px}
details{border:1px solid var(--line);border-radius:10px;background:var(--surface)}
summary{cursor:pointer;padding:14px 18px 14px 40px;position:relative;display:grid;grid-template-columns:1fr auto;gap:4px 16px;align-items:center;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"";position:absolute;left:19px;top:21px;width:7px;height:7px;border:solid var(--muted);border-width:0 1.5px 1.5px 0;transform:rotate(-45deg)}
details[open]>summary::before{transform:rotate(45deg);top:19px}
summary:hover h3{color:var(--accent)}
summary h3{font:500 15px/1.45 var(--sans);letter-spacing:0}
summary code{color:var(--muted)}
summary .marks{display:flex;gap:6px;align-items:center}
details>div{padding:2px 18px 18px 40px;display:grid;gap:16px;border-top:1px solid var(--line);padding-top:16px}
.path{display:flex;flex-wrap:wrap;gap:6px 4px;align-items:center;font-size:13px}
.path .node{border:1px solid var(--strong);border-radius:6px;padding:2px 9px;background:var(--paper);font-weight:500}
.path .edge{color:var(--muted);padding:0 4px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:20px 32px}
.terms{margin:6px 0 0;padding:0;list-style:none;font-size:13.5px}
.terms li{display:grid;grid-template-columns:38px 1fr;gap:10px;padding:5px 0;border-top:1px solid var(--line)}
.terms li:first-child{border-top:0}
.terms b{font:500 13px/1.6 var(--mono);text-align:right}
.terms small{color:var(--muted);display:block;font-size:12.5px}
.refs{display:flex;flex-wrap:wrap;gap:6px;margin:6px 0 0;padding:0;list-style:none;font-size:12.5px}
.refs li{border:1px solid var(--line);border-radius:6px;padding:1px 8px;color:var(--muted)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:12px}
.card{border:1px solid var(--line);border-radius:10px;background:var(--surface);padding:16px 18px;display:grid;gap:6px;align-content:start}
.card h3{font:500 15.5px/1.4 var(--sans);letter-spacing:0}
.card p{font-size:13.5px;color:var(--muted)}
.card dl{display:grid;grid-template-columns:auto 1fr;gap:2px 12px;margin:8px 0 0;font-size:13px}
.card dt{color:var(--muted)}.card dd{margin:0;overflow-wrap:anywhere}
.cases{width:100%;font-size:13px}.cases td,.cases th{padding:6px 12px}
.proof{grid-column:1/-1;display:grid;margin-top:6px;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:6px 28px}
.proof svg{display:block;width:100%;height:12px;margin:5px 0 2px}
.callout{border:1px solid var(--strong);border-left:3px solid var(--medium);border-radius:10px;background:var(--surface);padding:20px 24px;margin-top:28px}
.callout ul{margin:10px 0 0;padding-left:20px}.callout li{margin:5px 0;max-width:78ch}
footer{margin-top:56px;padding:24px 0 56px;border-top:1px solid var(--line);font-size:13px;color:var(--muted);display:grid;gap:4px}
.empty{border:1px dashed var(--strong);border-radius:10px;padding:20px 22px;color:var(--muted)}
@media (max-width:760px){.page{padding:0 18px}.top{padding:34px 0 30px}.figures{grid-template-columns:1fr 1fr}.figures>div{border-left:0;border-top:1px solid var(--line);padding:14px 16px}.figures>div:nth-child(-n+2){border-top:0}.figures>div:nth-child(even){border-left:1px solid var(--line)}.two,.proof{grid-template-columns:1fr}section{padding-top:42px}summary{grid-template-columns:1fr}details>div{padding-left:18px}h2,section>header .no{font-size:25px}.diagram svg{max-width:none}
.stack thead{display:none}.stack,.stack tbody,.stack tr,.stack td{display:block}.stack tr{padding:12px 16px;border-bottom:1px solid var(--line)}.stack tr:last-child{border-bottom:0}.stack td{padding:3px 0;border:0;text-align:left;white-space:normal}.stack td.number{text-align:left}.stack td[data-label]::before{content:attr(data-label) " ";color:var(--muted);font-size:12px;margin-right:4px}}
@media print{:root{color-scheme:light}body{background:#fff;font-size:10.5pt}nav{display:none}.page{max-width:none;padding:0}section{padding-top:26pt}.scroll,.diagram{overflow:visible}.card,details,tr,.figures{break-inside:avoid}h2,h3{break-after:avoid}details::details-content{content-visibility:visible;block-size:auto}.mark,.figures,.bar,.dot{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`.trim();
