// The picture as one page of HTML. See map.h.
#include <string>
#include <string_view>

#include "report/map.h"

namespace hmap::tool {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hmap map</title>
<style>
:root { --bg: #fbfbf9; --card: #fff; --ink: #20242a; --soft: #6b7280; --line: #e3e3de;
  --bar: #3b76b8; --free: #d9dbd8; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --bg: #15181c; --card: #1d2127; --ink: #e6e8ea;
  --soft: #98a1ad; --line: #303640; --bar: #6aa2dc; --free: #3a4048; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink);
  font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 20px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 14px; margin: 0 0 10px; }
p.sub { margin: 0 0 18px; color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px; margin-bottom: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 14px; }
.tile b { display: block; font-size: 19px; font-weight: 600; }
.tile span, .soft { color: var(--soft); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 16px;
  margin-bottom: 16px; }
.two .card { margin: 0; }
canvas { display: block; width: 100%; cursor: crosshair; }
.bar-row { display: grid; grid-template-columns: 110px 1fr 165px; gap: 10px; align-items: center;
  padding: 1px 0; font-variant-numeric: tabular-nums; }
.bar-row > :last-child { white-space: nowrap; }
.bar-row > :first-child { text-align: right; color: var(--soft); white-space: nowrap; }
.track { background: var(--line); border-radius: 3px; height: 11px; overflow: hidden; }
.track i { display: block; height: 100%; background: var(--bar); border-radius: 3px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 12px 0 0; }
.legend span { white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; }
.modes { float: right; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line);
  border-radius: 6px; padding: 2px 10px; margin-left: 4px; cursor: pointer; }
button[aria-pressed=true] { background: var(--bar); color: #fff; border-color: var(--bar); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; cursor: pointer; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th[aria-sort]::after { content: " \25BE"; }
#tip { position: fixed; pointer-events: none; background: var(--ink); color: var(--bg);
  padding: 7px 10px; border-radius: 6px; font-size: 12.5px; max-width: 340px; display: none;
  z-index: 2; white-space: pre-line; }
</style></head><body><main>
<h1 id="name"></h1><p class="sub" id="sub"></p>
<div class="tiles" id="tiles"></div>
<section class="card"><span class="modes" id="modes"></span><h2>What lies where</h2>
<canvas id="map" role="img" aria-label="the extents of the file in order"></canvas>
<div class="legend" id="legend"></div></section>
<section class="card" id="growth"><h2>Evacuation</h2></section>
<div class="two" id="charts"></div>
<section class="card"><h2>Largest and most wasteful</h2>
<table id="groups"><thead></thead><tbody></tbody></table></section>
</main><div id="tip"></div>
<script id="data" type="application/json">)html";

constexpr std::string_view kScript = R"html(</script>
<script>
'use strict';
const D = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const colours = ['', '#3f7fbf', '#2a9d9d', '#7a6bb5', '#d9822b', '#4c9f58', '#b8902f', '#a463b8',
  '#d0453e'];
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const num = n => n.toLocaleString('en-US');
const bytes = n => { let u = 0; while (n >= 1024 && u < 5) { n /= 1024; u++; }
  return (u ? n.toFixed(1) : Math.round(n)) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][u]; };
// Beside writers an extent may be younger than the epoch that was told.
const age = epoch => Math.max(D.epoch - epoch, 0);
const percent = (a, b) => b ? (a / b * 100).toFixed(1) + ' %' : '-';
const hex = n => '0x' + n.toString(16);
const make = (tag, text, parent) => { const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text; if (parent) parent.append(e); return e; };
const bin = i => i < 2 ? '' + i : num(2 ** (i - 1)) + ' - ' + num(2 ** i - 1);

const file = D.file !== undefined ? D.file : '(a name that is not text)';
document.title = file + ' - hmap map';
$('name').textContent = file;
$('sub').textContent = (D.live ? 'live state' : 'state of the last checkpoint') + ', epoch ' +
  num(D.epoch) + '; each cell is ' + bytes(D.cell_extents * D.extent_bytes) + ' (' +
  num(D.cell_extents) + (D.cell_extents === 1 ? ' extent)' : ' extents)');
const used = D.uses.reduce((sum, u) => sum + u.used_bytes, 0);
const all = D.uses.reduce((sum, u) => sum + u.bytes, 0);
for (const [value, what] of [[num(D.entries), 'entries'], [bytes(D.file_bytes), 'file'],
    [percent(used, all), 'of the space is used'],
    [D.entries ? bytes(D.file_bytes / D.entries) : '-', 'of the file for each entry'],
    [D.shards.filter(s => s.growing).length + ' of ' + D.shards.length, 'shards are growing']]) {
  const tile = make('div', undefined, $('tiles')); tile.className = 'tile';
  make('b', value, tile); make('span', what, tile);
}

// ---- the map ----
let mode = 'use', size = 0, columns = 0;
const canvas = $('map');
function heat(x) { return `hsl(${215 - 190 * x} 62% ${62 - 14 * x}%)`; }
function colour(cell) {
  const [use, shard, fill, epoch] = cell;
  if (use === 0) return [css('--free'), 1];
  if (mode === 'fill') return [heat(fill / 100), 1];
  if (mode === 'age') return epoch === 0 ? [css('--free'), 1] :
    [heat(1 - Math.min(Math.log2(age(epoch) + 1) / 10, 1)), 1];
  if (mode === 'shard') return [`hsl(${shard * 137.5 % 360} 55% 52%)`, 1];
  return [colours[use], 0.3 + 0.7 * fill / 100];
}
function draw() {
  const width = canvas.clientWidth, n = Math.max(D.cells.length, 1);
  size = Math.max(3, Math.min(22, Math.floor(Math.sqrt(width * 420 / n))));
  columns = Math.max(1, Math.floor(width / size));
  const height = Math.ceil(n / columns) * size, dpr = window.devicePixelRatio || 1;
  canvas.style.height = height + 'px';
  canvas.width = width * dpr; canvas.height = height * dpr;
  const c = canvas.getContext('2d'); c.scale(dpr, dpr);
  const gap = size > 5 ? 1 : 0;
  D.cells.forEach((cell, i) => {
    const [fill, alpha] = colour(cell);
    c.globalAlpha = alpha; c.fillStyle = fill;
    c.fillRect(i % columns * size, Math.floor(i / columns) * size, size - gap, size - gap);
  });
}
for (const name of ['use', 'fill', 'age', 'shard']) {
  const b = make('button', name, $('modes'));
  b.setAttribute('aria-pressed', name === mode);
  b.onclick = () => { mode = name; for (const o of $('modes').children)
    o.setAttribute('aria-pressed', o === b); draw(); };
}
D.uses.forEach((u, i) => {
  if (!u.bytes) return;
  const item = make('span', undefined, $('legend'));
  make('i', undefined, item).style.background = i ? colours[i] : 'var(--free)';
  item.append(`${u.name}  ${bytes(u.bytes)}, ${percent(u.used_bytes, u.bytes)} used`);
});
const tip = $('tip');
function show(event, text) {
  tip.textContent = text; tip.style.display = 'block';
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + 'px';
  tip.style.top = Math.min(event.clientY + 16, innerHeight - box.height - 8) + 'px';
}
const hide = () => { tip.style.display = 'none'; };
canvas.onmousemove = event => {
  const x = Math.floor(event.offsetX / size), y = Math.floor(event.offsetY / size);
  const i = y * columns + x, cell = D.cells[i];
  if (!cell || x >= columns) return hide();
  const first = i * D.cell_extents, last = Math.min(first + D.cell_extents, D.extents) - 1;
  const at = D.heap_offset + first * D.extent_bytes;
  const end = D.heap_offset + (last + 1) * D.extent_bytes;
  let text = `${hex(at)} to ${hex(end)}\n` +
    (first === last ? `extent ${num(first)}` : `extents ${num(first)} to ${num(last)}`) +
    `\n${first === last ? '' : 'mostly '}${D.uses[cell[0]].name}`;
  if (cell[0] !== 0 && cell[0] !== 3) text += `, shard ${cell[1]}`;
  text += `\n${cell[2]} % used`;
  if (cell[3]) text += `\nlast changed in epoch ${num(cell[3])}, ${num(age(cell[3]))} ago`;
  show(event, text);
};
canvas.onmouseleave = hide;

// ---- bars ----
function bar(parent, name, value, of, text, hover) {
  const row = make('div', undefined, parent); row.className = 'bar-row';
  make('span', name, row);
  const track = make('span', undefined, row); track.className = 'track';
  make('i', undefined, track).style.width = (of ? value / of * 100 : 0) + '%';
  make('span', text, row);
  row.onmousemove = event => show(event, hover); row.onmouseleave = hide;
}
function chart(title, counts, name) {
  const sum = counts.reduce((a, b) => a + b, 0);
  if (!sum) return;
  const card = make('section', undefined, $('charts')); card.className = 'card';
  make('h2', title, card);
  const most = Math.max(...counts);
  const first = counts.findIndex(c => c), last = counts.length - 1 -
    [...counts].reverse().findIndex(c => c);
  for (let i = first; i <= last; i++)
    bar(card, name(i), counts[i], most, `${num(counts[i])}  (${percent(counts[i], sum)})`,
      `${name(i)}: ${num(counts[i])} of ${num(sum)}`);
}
chart('Length of chains, in buckets', D.chains,
  i => i + 1 + (i + 1 === D.chains.length ? ' or more' : ''));
chart(`Size of values in bytes (of ${num(D.sampled)} entries)`, D.value_sizes, bin);
chart('Extents of records by how full they are', D.span_fill, i => `${i * 10} - ${i * 10 + 10} %`);
chart('Extents by age, in epochs', D.ages, i => bin(i) + (i + 1 === D.ages.length ? ' +' : ''));
const growing = D.shards.map((s, i) => [s, i]).filter(([s]) => s.growing);
if (!growing.length) make('span', 'No shard is growing.', $('growth')).className = 'soft';
for (const [s, i] of growing)
  bar($('growth'), `shard ${i}`, s.evacuated, s.old_buckets,
    percent(s.evacuated, s.old_buckets),
    `${num(s.evacuated)} of ${num(s.old_buckets)} old buckets evacuated`);

// ---- the table ----
const heads = [['', g => D.uses[g.use].name + (g.slot_bytes ? ` of up to ${num(g.slot_bytes)} bytes`
    : '') + (g.outgrown ? ', outgrown' : '')],
  ['Shard', g => g.use === 0 || g.use === 3 ? '' : g.shard], ['Bytes', g => g.bytes],
  ['Not used', g => g.bytes - g.used_bytes], ['Fill', g => g.bytes ? g.used_bytes / g.bytes : 0]];
let sorted = 3;
function table() {
  const body = $('groups').tBodies[0], key = heads[sorted][1];
  body.textContent = '';
  const rows = [...D.groups].sort((a, b) => key(a) < key(b) ? 1 : key(a) > key(b) ? -1 : 0);
  for (const g of rows.slice(0, 40)) {
    const row = make('tr', undefined, body);
    heads.forEach(([name, get], i) => make('td', i === 2 || i === 3 ? bytes(get(g)) :
      i === 4 ? percent(g.used_bytes, g.bytes) : get(g), row));
  }
  [...$('groups').tHead.rows[0].cells].forEach((cell, i) => i === sorted ?
    cell.setAttribute('aria-sort', 'descending') : cell.removeAttribute('aria-sort'));
}
const head = make('tr', undefined, $('groups').tHead);
heads.forEach(([name], i) => make('th', name, head).onclick = () => { sorted = i; table(); });
table();
draw();
addEventListener('resize', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
</script></body></html>
)html";

// Nothing in the data may end the element that it is in.
std::string harmless(std::string text) {
  for (std::size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3)
    text.insert(at + 1, "\\");
  for (std::size_t at = 0; (at = text.find("<!", at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace

std::string map_html(const MapPicture& picture) {
  return std::string(kHead) + harmless(map_json(picture)) + std::string(kScript);
}

}  // namespace hmap::tool
