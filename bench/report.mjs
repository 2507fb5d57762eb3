// report.mjs - the benchmark's results as a table and as a picture.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const thousands = (n) => Math.round(n).toLocaleString('en-US');
const bytes = (n) => (n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`);
const us = (n) => (n >= 1000 ? `${(n / 1000).toFixed(2)} ms` : `${Math.round(n)} us`);

// A result is { what, target, value, atLeast: true|false, unit: 'x'|'ms'|'s'|'MB'|'M/s', detail, http: {...} or nothing }.
export function reached(row) {
  return row.atLeast ? row.value >= row.target : row.value <= row.target;
}

function shown(row, value) {
  const digits = { x: 2, s: 2, ms: 2, MB: 0, 'M/s': 2 }[row.unit];
  return `${value.toFixed(digits)}${row.unit === 'x' ? '' : ` ${row.unit}`}`;
}

function cells(row) {
  const bound = `${row.atLeast ? '>=' : '<='} ${shown(row, row.target)}`;
  const first = [row.what, bound, shown(row, row.value), reached(row) ? 'ok' : '**short**'];
  const h = row.http;
  if (!h) return [...first, row.detail ?? '', '', '', ''];
  return [
    ...first, `${thousands(h.rate)}/s, p99 ${us(h.p99_us)}, ${bytes(h.body)}`, `${thousands(h.same.rate)}/s`,
    `${thousands(h.plain.rate)}/s, ratio ${h.plain.ratio.toFixed(2)}`, `${h.cpu_us.toFixed(1)} / ${h.same.cpu_us.toFixed(1)}`,
  ];
}

export function table(results) {
  const heads = ['what', 'wanted', 'measured', '', 'Roster', 'nginx, same bytes', 'nginx, plain file', 'CPU us a request, Roster / nginx'];
  const rows = results.rows.map(cells);
  const line = (list) => `| ${list.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

const quoted = (text) => `"${text.replaceAll('\\', '').replaceAll('"', '')}"`;

// Two pictures beside each other: ratios to nginx with their targets, and for all else how many times better than asked.
export function plot(results, directory, svg) {
  const ratios = results.rows.filter((r) => r.http).reverse();
  const others = results.rows.filter((r) => !r.http).reverse();
  const better = (r) => (r.atLeast ? r.value / r.target : r.target / Math.max(r.value, 1e-9));
  writeFileSync(join(directory, 'ratios.dat'), ratios.map((r, i) => `${i} ${r.value} ${r.target} ${quoted(r.what)}\n`).join(''));
  writeFileSync(join(directory, 'others.dat'), others.map((r, i) => `${i} ${better(r)} 1 ${quoted(r.what)}\n`).join(''));
  const script = `
set terminal svg size 1180,${120 + 34 * Math.max(ratios.length, others.length)} font "sans,12" background "white"
set output ${quoted(svg)}
set multiplot layout 1,2
set style fill solid 0.85 noborder
set border 3
set tics nomirror
set grid x lt 1 lc rgb "#dddddd"
unset key
set lmargin 36
set yrange [-0.7:${Math.max(ratios.length, others.length)}-0.3]
set title "Requests/s, nginx serving the same bytes = 1 (mark: wanted)"
set xrange [0:*]
plot "${directory}/ratios.dat" using (0):1:(0):2:($1-0.3):($1+0.3):ytic(4) with boxxyerror lc rgb "#4477aa", \\
     "" using 3:1:(0):(0.42) with yerrorbars pt 0 lw 3 lc rgb "#cc3311"
set title "Times better than wanted (mark: as wanted)"
set logscale x
set xrange [0.1:*]
plot "${directory}/others.dat" using (0.1):1:(0.1):2:($1-0.3):($1+0.3):ytic(4) with boxxyerror lc rgb "#228833", \\
     "" using 3:1:(0):(0.42) with yerrorbars pt 0 lw 3 lc rgb "#cc3311"
unset multiplot
`;
  const ran = spawnSync('gnuplot', [], { input: script, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`gnuplot: ${ran.stderr}`);
}
