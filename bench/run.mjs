// run.mjs - all measurements of docs/benchmarks.md, one table at the end. script/bench builds what it needs and starts it.
//
//   node bench/run.mjs [--quick] [--scale 1] [--seed 1] [--accounts 0] [--seconds 3] [--rounds 5] [--only reads,writes]
//                      [--binary build/roster] [--also NDJSON] [--picture SVG]
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { client, load, logInToPassbolt, out, readRows, touchAll, writeRequests } from './clients.mjs';
import { readFlags } from './flags.mjs';
import { Nginx, Server, cpuUs, fetchOnce, median, memoryMb, run, watch, wrk } from './machine.mjs';
import { measurePostgres } from './postgres.mjs';
import { add, kilo, notes, plot, reached, rows, say, table, times } from './report.mjs';

const flags = readFlags(import.meta.url, {
  quick: { type: 'boolean', default: false },
  scale: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  accounts: { type: 'string', default: '0' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  only: { type: 'string', default: 'import,start,reads,search,writes,postgres' },
  also: { type: 'string' },
  binary: { type: 'string', default: 'build/roster' },
  picture: { type: 'string' },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 5));
const seconds = Number(flags.seconds ?? (flags.quick ? 2 : 3));
const only = new Set(flags.only.split(','));
const data = join(out, `data-${flags.scale}-${flags.seed}-${flags.accounts}`);
const database = join(data, 'roster.db');
const log = join(out, 'server.log');
const binary = resolve(flags.binary);

function generate() {
  const made = join(data, 'manifest.json');
  const program = new URL('generate.mjs', import.meta.url).pathname;
  if (!existsSync(made) || statSync(made).mtimeMs < statSync(program).mtimeMs) {
    rmSync(data, { recursive: true, force: true });
    const args = ['--out', data, '--scale', flags.scale, '--seed', flags.seed, '--accounts', flags.accounts];
    const ran = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
    if (ran.status !== 0) throw new Error('the generator failed');
  }
  return JSON.parse(readFileSync(made, 'utf8'));
}

function removeDatabase(path) {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

async function importFile(file, store) {
  removeDatabase(store);
  const importLog = join(out, 'import.log');
  const seen = await watch(binary, ['import', '--store', `sqlite:${store}`, file], file, importLog);
  if (seen.status !== 0) {
    throw new Error(`roster import ended with ${seen.status}: ${readFileSync(importLog, 'utf8').slice(-2000)}`);
  }
  return seen;
}

async function measureImport(manifest) {
  if (flags.also) {
    const seen = await importFile(resolve(flags.also), join(out, 'also.db'));
    notes.push(`Import of ${flags.also.split('/').at(-1)}: ${seen.seconds.toFixed(2)} s, at most ${Math.round(seen.peak)} MB.`);
    say(notes.at(-1));
  }
  const seen = await importFile(join(data, 'data.ndjson'), database);
  const at = (share) => seen.samples.find((s) => s.share >= share) ?? seen.samples.at(-1);
  const marks = [0.1, 0.5, 0.9].map((share) => at(share).rss).concat(seen.samples.at(-1).rss);
  const of = seen.once ? 'the lines' : 'the time';
  const memory = `${marks.map((m) => Math.round(m)).join(', ')} MB at 10, 50, 90, 100 % of ${of}`;
  const { lines } = manifest.totals;
  add({
    what: '`roster import` of the whole data set', target: 60, value: seen.seconds, unit: 's', atLeast: false,
    detail: `${kilo(lines)} lines, ${kilo(lines / seen.seconds)}/s; database ${kilo(statSync(database).size / 1e6)} MB`,
  });
  const later = seen.samples.filter((s) => s.share >= 0.1).map((s) => s.rss);
  add({
    what: 'growth of its memory after the first tenth', target: 64, value: Math.max(...later) - marks[0],
    unit: 'MB', atLeast: false, detail: memory,
  });
}

// Starts the server with nothing resident, asks a small organization, then all others one after another.
async function measureStart(manifest) {
  const small = manifest.organizations.at(-1);
  const first = [], rates = [], resident = [];
  for (const round of times(rounds)) {
    const server = await Server.start(binary, `sqlite:${database}`, log);
    const answer = await fetchOnce(server.port, '/v1/user-groups?size=4', small.token);
    first.push(Number(process.hrtime.bigint() - server.began) / 1e9);
    if (answer.status !== 200) throw new Error(`the first answer was ${answer.head}`);
    const used = cpuUs(server.pid);
    const touched = touchAll(server, manifest);
    rates.push(manifest.totals.memberships / touched.seconds / 1e6);
    resident.push(memoryMb(server.pid));
    say(`start ${round + 1}: first answer ${first.at(-1).toFixed(3)} s, all organizations in ${touched.seconds.toFixed(2)} s ` +
      `(CPU ${((cpuUs(server.pid) - used) / 1e6).toFixed(2)} s), ${Math.round(resident.at(-1).VmRSS)} MB`);
    await server.stop();
  }
  const rss = median(resident.map((m) => m.VmRSS)), anonymous = median(resident.map((m) => m.RssAnon));
  add({ what: 'start to first answer, nothing resident', target: 0.5, value: median(first), unit: 's', atLeast: false });
  add({ what: 'loading images from SQLite, memberships', target: 1, value: median(rates), unit: 'M/s', atLeast: true,
    detail: `${kilo(manifest.organizations.length)} organizations one after another by one client` });
  add({ what: 'resident memory with everything loaded', target: 600, value: rss, unit: 'MB', atLeast: false,
    detail: `${Math.round(anonymous)} MB of it anonymous` });
}

const OWN_HEADERS = new Set(['date', 'content-length', 'content-type', 'connection', 'server', 'keep-alive']);
function headersToRepeat(head) {
  return head.split('\r\n').slice(1).filter(Boolean).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }).filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()));
}

async function measureReads(server, manifest) {
  const fifty = manifest.organizations.find((o) => o.kind === 'fifty');
  const measured = readRows(manifest, fifty, await logInToPassbolt(server));
  const headers = {};
  for (const row of measured) {
    row.head = (await fetchOnce(server.port, ...row.requests[0])).head;
    headers[`${row.key}.json`] = headersToRepeat(row.head);
  }
  const nginx = await Nginx.start(join(out, 'nginx'), headers);
  for (const row of measured) {
    const answers = [];
    for (const [path, credential] of row.requests.filter((_, i, all) => i % Math.ceil(all.length / 200) === 0)) {
      const answer = await fetchOnce(server.port, path, credential);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.head}`);
      answers.push(answer);
    }
    row.body = median(answers.map((a) => a.body.length)) | 0;
    nginx.put(`${row.key}.json`, answers.find((a) => a.body.length >= row.body).body.subarray(0, row.body));
    const many = row.requests.length > 1;
    const side = (name, requests) =>
      (many ? { requests: writeRequests(name, requests) } : { path: requests[0][0], credential: requests[0][1] });
    row.ours = side(row.key, row.requests);
    row.theirs = side(`${row.key}-nginx`, row.requests.map(([, credential]) => [`/${row.key}.json`, credential]));
    row.runs = { roster: [] };
    for (const name of Object.keys(nginx.ports)) row.runs[name] = [];
    wrk(server.pid, server.port, { ...row.ours, connections: row.connections, seconds: 1 });
  }
  const other = await fetchOnce(nginx.ports['same on'], '/four.json');
  const heads = [measured[0], other].map((answer) => answer.head.length + 2);
  notes.push(`Heads of the first row: Roster ${heads[0]} bytes, nginx with the same header lines ${heads[1]}.`);
  server.forgetLog();
  for (const round of times(rounds)) {
    for (const row of measured) {
      const run1 = (worker, port, what) => wrk(worker, port, { ...what, connections: row.connections, seconds });
      row.runs.roster.push(run1(server.pid, server.port, row.ours));
      server.forgetLog();
      for (const [name, port] of Object.entries(nginx.ports)) row.runs[name].push(run1(nginx.worker(), port, row.theirs));
      const brief = (run) => `${kilo(run.rate)}/s ${run.cpu_us.toFixed(1)} us`;
      const last = Object.entries(row.runs).map(([name, list]) => `${name} ${brief(list.at(-1))}`);
      say(`reads ${round + 1}, ${row.key}: ${last.join(', ')}`);
    }
  }
  await nginx.stop();
  for (const row of measured) reportRead(row);
}

// Ratios are taken round by round, because a noisy neighbour slows both, and then their median.
function reportRead(row) {
  const middle = (runs, field) => median(runs.map((r) => r[field]));
  const yardstick = (bytes) => {
    const [on, off] = ['on', 'off'].map((sendfile) => row.runs[`${bytes} ${sendfile}`]);
    const runs = middle(on, 'rate') >= middle(off, 'rate') ? on : off;
    const ratio = median(runs.map((r, i) => row.runs.roster[i].rate / r.rate));
    return { rate: middle(runs, 'rate'), cpu_us: middle(runs, 'cpu_us'), sendfile: runs === on, ratio };
  };
  const same = yardstick('same'), plain = yardstick('plain');
  const ours = row.runs.roster;
  const errors = ours.reduce((sum, r) => sum + r.errors, 0);
  if (errors) notes.push(`${row.what}: ${errors} connection errors.`);
  add({
    what: row.what, target: row.target, value: same.ratio, unit: 'x', atLeast: true,
    http: {
      rate: middle(ours, 'rate'), p99_us: middle(ours, 'p99_us'), cpu_us: middle(ours, 'cpu_us'), busy: middle(ours, 'busy'),
      body: row.body, same, plain,
    },
    runs: Object.fromEntries(Object.entries(row.runs).map(([name, list]) => [name, list.map((r) => Math.round(r.rate))])),
  });
}

function needles(manifest) {
  const list = {
    rare: [manifest.rare, 'uokk'], common: ['Support', 'guards', 'er', 'a'], absent: ['qqxz', 'no such group', 'Zzz'],
  };
  list.mixed = [
    ...list.rare, ...list.common, ...list.absent, 'MÜNCHEN', 'zü', '"blue"', '東京', 'quokka n', 'support 12', 'ward', 'R&D',
    'équipe', 'Doctors 3', 'owner',
  ];
  return list;
}

function measureSearch(server, manifest) {
  const huge = manifest.organizations[0];
  const lists = needles(manifest);
  const files = Object.fromEntries(Object.entries(lists).map(([name, words]) =>
    [name, writeRequests(`search-${name}`, words.map((w) => [`/v1/user-groups?search=${encodeURIComponent(w)}`, huge.token]))]));
  const ask = (requests, connections) => {
    const result = wrk(server.pid, server.port, { requests, connections, seconds });
    server.forgetLog();
    return result;
  };
  const ms = (us) => `${(us / 1000).toFixed(2)} ms`;
  for (const connections of [1, 64]) {
    const mixed = times(rounds).map(() => ask(files.mixed, connections));
    const parts = ['rare', 'common', 'absent'].map((name) => `${name} ${ms(ask(files[name], connections).p99_us)}`);
    const rate = kilo(median(mixed.map((r) => r.rate))), p50 = ms(median(mixed.map((r) => r.p50_us)));
    add({
      what: `search in an organization of ${kilo(huge.groups)} groups, p99, connections: ${connections}`,
      target: 2, value: median(mixed.map((r) => r.p99_us)) / 1000, unit: 'ms', atLeast: false,
      detail: `${rate}/s, p50 ${p50}; p99 of needles ${parts.join(', ')}`,
    });
  }
}

// A round writes to groups no other round has touched, so that every request changes something.
async function measureWrites(server, manifest) {
  const { clients, small, large } = manifest;
  const half = (list, which) => list.slice(which * (list.length >> 1), (which + 1) * (list.length >> 1));
  const seen = { disk: [], one: [], all: [], small: [], large: [] };
  for (const round of times(rounds)) {
    seen.disk.push(JSON.parse(run(join(out, 'fdatasync'), [join(data, 'fdatasync.tmp'), '1'])));
    seen.one.push(load(server.port, client(clients[0].token, half(clients[0].rounds[round], 0)), seconds));
    seen.all.push(load(server.port, clients.flatMap((c) => client(c.token, half(c.rounds[round], 1))), seconds));
    const sizes = { small: client(small.token, small.rounds[round]), large: client(large.token, large.rounds[round]) };
    for (const name of round % 2 ? ['large', 'small'] : ['small', 'large']) {
      seen[name].push(load(server.port, sizes[name], seconds));
    }
    server.forgetLog();
    say(`writes ${round + 1}: fdatasync ${seen.disk.at(-1).p50_us} us; ` + Object.entries(seen).slice(1).map(([n, r]) =>
      `${n} ${kilo(r.at(-1).rate)}/s p50 ${r.at(-1).p50_us} p99 ${r.at(-1).p99_us} us`).join('; '));
  }
  const middle = (list, field) => median(list.map((r) => r[field]));
  const ratio = (a, b, field) => median(a.map((r, i) => r[field] / b[i][field]));
  const latency = (list) => `p50 ${kilo(middle(list, 'p50_us'))} us, p99 ${kilo(middle(list, 'p99_us'))} us`;
  add({
    what: 'one durable member add, one client, p50 in `fdatasync`s', target: 4, value: ratio(seen.one, seen.disk, 'p50_us'),
    unit: 'x', atLeast: false,
    detail: `${kilo(middle(seen.one, 'rate'))}/s, ${latency(seen.one)}; \`fdatasync\` ${latency(seen.disk)}`,
  });
  add({
    what: '64 clients adding members in 64 organizations, rate of one client', target: 8,
    value: ratio(seen.all, seen.one, 'rate'), unit: 'x', atLeast: true,
    detail: `${kilo(middle(seen.all, 'rate'))}/s, ${latency(seen.all)}`,
  });
  add({
    what: `adding to a group of ${kilo(large.members)} against a group of 10, p50`, target: 1.5,
    value: ratio(seen.large, seen.small, 'p50_us'), unit: 'x', atLeast: false,
    detail: `${kilo(middle(seen.large, 'p50_us'))} us and ${kilo(middle(seen.small, 'p50_us'))} us`,
  });
}

async function main() {
  if (cpus().length < 2) throw new Error('two cores are needed: one for the server, one for the client');
  if (rounds > 6) throw new Error('the data has groups for 6 rounds of writes');
  mkdirSync(out, { recursive: true });
  if (loadavg()[0] > 0.7) {
    notes.push(`The machine was busy when this began (load ${loadavg()[0].toFixed(2)}): the figures are not good.`);
    say(notes.at(-1));
  }
  const manifest = generate();
  if (only.has('import') || !existsSync(database)) await measureImport(manifest);
  if (only.has('start')) await measureStart(manifest);
  if (['reads', 'search', 'writes'].some((part) => only.has(part))) {
    // Writes go to a copy, so that the imported database can be measured again.
    const scratch = join(data, 'scratch.db');
    removeDatabase(scratch);
    for (const suffix of ['', '-wal']) if (existsSync(database + suffix)) cpSync(database + suffix, scratch + suffix);
    const server = await Server.start(binary, `sqlite:${scratch}`, log);
    touchAll(server, manifest);
    if (only.has('reads')) await measureReads(server, manifest);
    if (only.has('search')) measureSearch(server, manifest);
    const after = memoryMb(server.pid);
    add({ what: 'resident memory after the reads above', target: 600, value: after.VmRSS, unit: 'MB', atLeast: false,
      detail: `${Math.round(after.RssAnon)} MB of it anonymous; peak ${Math.round(after.VmHWM)} MB` });
    if (only.has('writes')) await measureWrites(server, manifest);
    await server.stop();
    if (only.has('writes')) {
      const checked = spawnSync(binary, ['check', '--store', `sqlite:${scratch}`], { encoding: 'utf8' });
      const said = checked.status === 0 ? 'clean' : `**${checked.stdout.slice(-300)}${checked.stderr.slice(-300)}**`;
      notes.push(`\`roster check\` after the writes: ${said}.`);
    }
    removeDatabase(scratch);
  }
  if (only.has('postgres')) await measurePostgres(manifest, { rounds, seconds, data, database, log, binary });
  const results = {
    date: new Date().toISOString().slice(0, 10), cpu: cpus()[0].model, cores: cpus().length, rounds, seconds,
    scale: manifest.scale, totals: manifest.totals, rows, notes,
  };
  writeFileSync(join(out, 'results.json'), JSON.stringify(results, null, 2) + '\n');
  const complete = !flags.quick && manifest.scale === 1 && only.size === 6;
  const picture = resolve(flags.picture ?? (complete ? 'docs/benchmarks.svg' : join(out, 'benchmarks.svg')));
  if (rows.some((r) => r.http) && rows.some((r) => !r.http)) plot(results, out, picture);
  console.log(`\n${table(results)}\n`);
  for (const note of notes) console.log(`- ${note}`);
  const asked = rows.filter((r) => r.target !== undefined);
  console.log(`\n${asked.filter(reached).length} of ${asked.length} as wanted, medians of ${rounds} runs of ${seconds} s.`);
}

await main();
