// report.mjs - the benchmark's results as a table and as a picture.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const thousands = (n) => Math.round(n).toLocaleString('en-US');
const bytes = (n) => (n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`);
const us = (n) => (n >= 1000 ? `${(n / 1000).toFixed(2)} ms` : `${Math.round(n)} us`);

export const rows = [];
export const notes = [];
export const say = (text) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
export const kilo = thousands;
export const times = (n) => Array.from({ length: n }, (_, i) => i);

// A row is { what, target or none, value, atLeast: true|false, unit: 'x'|'ms'|'s'|'MB'|'M/s', detail, http: {...} or nothing }.
export function add(row) {
  rows.push(row);
  const verdict = row.target === undefined ? '' : `(wanted ${row.target}) ${reached(row) ? 'ok' : 'SHORT'}`;
  say(`${row.what}: ${row.value.toFixed(3)} ${row.unit} ${verdict}${row.detail ? `; ${row.detail}` : ''}`);
}

export function reached(row) {
  if (row.target === undefined) return true;
  return row.atLeast ? row.value >= row.target : row.value <= row.target;
}

function shown(row, value) {
  const digits = { x: 2, s: 2, ms: 2, MB: 0, 'M/s': 2 }[row.unit];
  return `${value.toFixed(digits)}${row.unit === 'x' ? '' : ` ${row.unit}`}`;
}

function cells(row) {
  const asked = row.target !== undefined;
  const bound = asked ? `${row.atLeast ? '>=' : '<='} ${shown(row, row.target)}` : '';
  const verdict = reached(row) ? 'ok' : '**short**';
  const first = [row.what, bound, shown(row, row.value), asked ? verdict : ''];
  const h = row.http;
  if (!h) return [...first, row.detail ?? '', '', '', ''];
  return [
    ...first, `${thousands(h.rate)}/s, p99 ${us(h.p99_us)}, ${bytes(h.body)}`, `${thousands(h.same.rate)}/s`,
    `${thousands(h.plain.rate)}/s, ratio ${h.plain.ratio.toFixed(2)}`, `${h.cpu_us.toFixed(1)} / ${h.same.cpu_us.toFixed(1)}`,
  ];
}

export function table(results) {
  const heads = [
    'what', 'wanted', 'measured', '', 'Roster', 'nginx, same bytes', 'nginx, plain file', 'CPU us a request, Roster / nginx',
  ];
  const rows = results.rows.map(cells);
  const line = (list) => `| ${list.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

const plain = (text) => `"${text.replace(/["\\`]/g, '')}"`;

// Two pictures, one above the other: ratios to nginx with their targets, and for all else how many times better than asked.
export function plot(results, directory, svg) {
  const nginx = results.rows.filter((r) => r.http), rest = results.rows.filter((r) => !r.http && r.target !== undefined);
  const height = Math.max(nginx.length, rest.length);
  const better = (r) => (r.atLeast ? r.value / r.target : r.target / Math.max(r.value, 1e-9));
  const write = (name, rows, value, mark) => {
    const lines = rows.map((r, i) => `${height - i} ${value(r)} ${mark(r)} ${plain(r.what)}\n`);
    writeFileSync(join(directory, name), lines.join(''));
    return name; // without the folder, because the picture has it in it
  };
  const ratios = write('ratios.dat', nginx, (r) => r.value, (r) => r.target);
  const others = write('others.dat', rest, better, () => 1);
  const panel = (file, left, colour) =>
    `plot "${file}" using (${left}):1:(${left}):2:($1-0.3):($1+0.3):ytic(4) with boxxyerror lc rgb "${colour}", \\
     "" using 3:($1-0.42):(0):(0.84) with vectors nohead lw 3 lc rgb "#cc3311"`;
  const script = `
set terminal svg noenhanced size 1000,${2 * (110 + 26 * height)} font "sans,12" background "white"
set output ${plain(svg)}
set multiplot layout 2,1
set style fill solid 0.85 noborder
set border 3
set tics nomirror
set grid x lt 1 lc rgb "#dddddd"
unset key
set lmargin 64
set yrange [0:${height + 1}]
set title "against nginx sending the same bytes\\n(red: wanted)"
set xtics 0.2
set xrange [0:*]
${panel(ratios, 0, '#4477aa')}
set title "times better than wanted\\n(red: as wanted)"
set xtics auto
set logscale x
set xrange [0.1:*]
${panel(others, 0.1, '#228833')}
unset multiplot
`;
  const ran = spawnSync('gnuplot', [], { input: script, encoding: 'utf8', cwd: directory });
  if (ran.status !== 0) throw new Error(`gnuplot: ${ran.stderr}`);
}
