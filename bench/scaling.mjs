// scaling.mjs - the figures of docs/scaling.md: what a membership costs in PostgreSQL and in memory, how fast a node takes over
// organizations, what a node needs for organizations that it only knows, and how 100,000 of them would lie on several nodes.
//
//   node bench/scaling.mjs [--binary build/roster] [--scale 1] [--known 100000] [--rounds 3] [--only measure,known,place]
//
// `measure` imports the data of generate.mjs into SQLite, copies it into a temporary PostgreSQL and loads every organization
// through a server. `known` makes organizations that have next to nothing in them. `place` only calculates. Nothing is pinned:
// the database, the server and the clients share the machine. What it makes is in bench/out/scaling/, which may be removed.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { Cluster, query } from '../tests/e2e/support/postgres.mjs';
import { readFlags } from './flags.mjs';

const flags = readFlags(import.meta.url, {
  binary: { type: 'string', default: 'build/roster' },
  scale: { type: 'string', default: '1' },
  known: { type: 'string', default: '100000' },
  rounds: { type: 'string', default: '3' },
  only: { type: 'string', default: 'measure,known,place' },
});
const binary = resolve(flags.binary);
const out = resolve('bench/out/scaling');
const only = new Set(flags.only.split(','));
const rounds = Number(flags.rounds);
const count = (n) => Math.round(n).toLocaleString('en-US');
const say = (text) => console.log(text);
const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9;

function run(...args) {
  const began = process.hrtime.bigint();
  const log = openSync(join(out, 'commands.log'), 'a');
  const ran = spawnSync(binary, args, { stdio: ['ignore', log, log] });
  if (ran.status !== 0) throw new Error(`roster ${args[0]} ended with ${ran.status}: see bench/out/scaling/commands.log`);
  return seconds(began);
}

// ---- a server, its metrics, its memory

class Server {
  static async start(url) {
    const server = new Server();
    const began = process.hrtime.bigint();
    const log = openSync(join(out, 'server.log'), 'a');
    server.process = spawn(binary, ['serve', '--store', url, '--listen', '127.0.0.1:0', '--request-log=false'],
      { stdio: ['ignore', 'pipe', log] });
    process.once('exit', () => server.process.kill('SIGKILL'));
    const [line] = await Promise.race([once(server.process.stdout, 'data'), once(server.process, 'exit').then(() => [null])]);
    if (!line) throw new Error('the server did not start: see bench/out/scaling/server.log');
    server.startSeconds = seconds(began);
    server.port = Number(String(line).trim().split(':').at(-1));
    return server;
  }

  async stop() {
    this.process.kill('SIGTERM');
    await once(this.process, 'exit');
  }

  get(path, token, agent) {
    return new Promise((resolveAnswer, reject) => {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      http.get({ host: '127.0.0.1', port: this.port, path, headers, agent }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (piece) => { body += piece; }).on('end', () => {
          if (answer.statusCode === 200) resolveAnswer(body);
          else reject(new Error(`${path}: ${answer.statusCode} ${body}`));
        });
      }).on('error', reject);
    });
  }

  async metric(name) {
    const text = await this.get('/metrics');
    return Number(text.match(new RegExp(`^${name} (\\S+)`, 'm'))[1]);
  }

  residentBytes() {
    return Number(readFileSync(`/proc/${this.process.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;
  }

  // Asks every organization once, which loads it.
  async touch(organizations, clients) {
    const began = process.hrtime.bigint();
    let next = 0;
    const ask = async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      while (next < organizations.length) await this.get('/v1/user-groups?size=1', organizations[next++].token, agent);
      agent.destroy();
    };
    await Promise.all(Array.from({ length: clients }, ask));
    return seconds(began);
  }
}

async function startCluster() {
  const cluster = new Cluster(mkdtempSync('/var/tmp/roster-pg-')); // on a disk, which /tmp need not be
  process.once('exit', () => cluster.removeNow());
  await cluster.start('-c', 'shared_buffers=1GB', '-c', 'max_wal_size=4GB');
  query(cluster.url(), 'CREATE DATABASE roster');
  return { cluster, url: cluster.url('roster') };
}

// ---- what a membership costs

function tellTables(url, memberships) {
  query(url, 'VACUUM (FREEZE, ANALYZE)', 'CHECKPOINT');
  say('table | rows | bytes a row | of it indexes');
  const tables = query(url, `SELECT relname, reltuples::bigint, pg_total_relation_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0 ORDER BY 3 DESC`);
  for (const [name, rows, total, indexes] of tables.trim().split('\n').map((line) => line.split('|')))
    say(`${name} | ${count(rows)} | ${(total / rows).toFixed(1)} | ${(indexes / rows).toFixed(1)}`);
  const size = Number(query(url, 'SELECT pg_database_size(current_database())'));
  say(`database: ${count(size / 1e6)} MB, ${(size / memberships).toFixed(1)} bytes a membership with everything`);
}

async function measureLoading(url, manifest) {
  const { memberships, users, groups } = manifest.totals;
  say(`loading ${count(manifest.organizations.length)} organizations: ${count(users)} users, ${count(groups)} groups, ` +
    `${count(memberships)} memberships`);
  for (let round = 1; round <= rounds; round++) {
    for (const clients of [1, 8]) {
      const server = await Server.start(url);
      const empty = server.residentBytes();
      const took = await server.touch(manifest.organizations, clients);
      const images = await server.metric('roster_resident_bytes');
      say(`round ${round}, clients ${clients}: ${took.toFixed(1)} s, ${count(memberships / took)} memberships/s, ` +
        `${count(manifest.organizations.length / took)} organizations/s; images ${(images / memberships).toFixed(1)} bytes a ` +
        `membership, process ${((server.residentBytes() - empty) / memberships).toFixed(1)} ` +
        `(${count(empty / 1e6)} MB before); load average ${loadavg()[0].toFixed(1)}`);
      await server.stop();
    }
  }
}

async function measure() {
  const data = join(out, `data-${flags.scale}`), file = join(out, `data-${flags.scale}.db`);
  if (!existsSync(join(data, 'manifest.json'))) {
    const generator = new URL('generate.mjs', import.meta.url).pathname;
    const ran = spawnSync(process.execPath, [generator, '--out', data, '--scale', flags.scale], { stdio: 'inherit' });
    if (ran.status !== 0) throw new Error('the generator failed');
  }
  const manifest = JSON.parse(readFileSync(join(data, 'manifest.json'), 'utf8'));
  if (!existsSync(file)) {
    const took = run('import', join(data, 'data.ndjson'), '--store', `sqlite:${file}`);
    say(`import into SQLite: ${took.toFixed(0)} s`);
  }
  const { cluster, url } = await startCluster();
  say(`copy into PostgreSQL, with its checks: ${run('copy', '--from', `sqlite:${file}`, '--to', url).toFixed(0)} s`);
  tellTables(url, manifest.totals.memberships);
  await measureLoading(url, manifest);
  cluster.removeNow();
}

// ---- organizations that a node knows and has not loaded

const numbered = (kind, id) => `${String(id).padStart(8, '0')}-0000-4000-800${kind}-000000000000`;

async function writeKnown(path, organizations) {
  const file = createWriteStream(path);
  for (let id = 1; id <= organizations; id++) {
    const credential = { type: 'credential', organizationId: id, kind: 'bearer', rights: ['read'] };
    const lines = [
      { type: 'organization', id, uuid: numbered(1, id), name: `Organization ${id}` },
      { ...credential, uuid: numbered(2, id), name: 'first', secret: numbered(3, id) },
      { ...credential, uuid: numbered(4, id), name: 'second', secret: numbered(5, id) },
    ];
    if (!file.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function measureKnown() {
  const organizations = Number(flags.known);
  const data = join(out, 'known.ndjson'), file = join(out, `known-${organizations}.db`);
  if (!existsSync(file)) {
    await writeKnown(data, organizations);
    const took = run('import', data, '--store', `sqlite:${file}`);
    say(`import of ${count(organizations)} organizations with two credentials each: ${took.toFixed(0)} s`);
  }
  const { cluster, url } = await startCluster();
  run('copy', '--from', `sqlite:${file}`, '--to', url);
  query(cluster.url(), 'CREATE DATABASE nothing');
  run('migrate', '--store', cluster.url('nothing'));
  for (let round = 1; round <= rounds; round++) {
    const nothing = await Server.start(cluster.url('nothing'));
    const server = await Server.start(url);
    const more = server.residentBytes() - nothing.residentBytes();
    say(`round ${round}: start with ${count(organizations)} organizations and ${count(2 * organizations)} credentials ` +
      `${server.startSeconds.toFixed(2)} s; ${count(more / 1e6)} MB more than without any, ${count(more / organizations)} bytes ` +
      `an organization; load average ${loadavg()[0].toFixed(1)}`);
    await nothing.stop();
    await server.stop();
  }
  cluster.removeNow();
}

// ---- placement: which node has which organization, when a router sends each to one

// Sizes by rank: the k-th organization has 1 / k^s of the first one's memberships, together `total`.
function sizes(organizations, total, s) {
  const raw = Array.from({ length: organizations }, (_, i) => 1 / (i + 1) ** s);
  const sum = raw.reduce((a, b) => a + b);
  return raw.map((size) => (size * total) / sum);
}

// A hash of 32 bits with all of them mixed (murmur3's end).
function mixed(a, b) {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// Rendezvous hashing: the node with the highest hash has it. Whoever knows the list of nodes knows the place.
function place(organization, nodes) {
  let best = nodes[0], highest = -1;
  for (const node of nodes) {
    const hash = mixed(organization, node);
    if (hash > highest) [best, highest] = [node, hash];
  }
  return best;
}

function placeAll(list, nodes) {
  const places = list.map((_, i) => place(i + 1, nodes));
  const load = new Map(nodes.map((node) => [node, { memberships: 0, organizations: 0 }]));
  places.forEach((node, i) => {
    load.get(node).memberships += list[i];
    load.get(node).organizations++;
  });
  return { places, load: [...load.values()] };
}

function tellPlacement() {
  const organizations = 100_000, total = 1e9;
  for (const s of [0.6, 0.8, 1]) {
    const list = sizes(organizations, total, s);
    say(`sizes as 1/k^${s}: the largest organization ${count(list[0])} memberships, the median ${count(list[organizations / 2])}`);
    say('nodes | memberships: mean, largest node | largest / mean | organizations of a node | the largest node dies: moves, ' +
      'largest then | a node is added: moves');
    for (const n of [4, 8, 16, 32, 64]) {
      const nodes = Array.from({ length: n }, (_, i) => i + 1);
      const before = placeAll(list, nodes), after = placeAll(list, [...nodes, n + 1]);
      const largest = Math.max(...before.load.map((node) => node.memberships));
      const dead = before.load.findIndex((node) => node.memberships === largest) + 1;
      const without = placeAll(list, nodes.filter((node) => node !== dead));
      const then = Math.max(...without.load.map((node) => node.memberships));
      const numbers = before.load.map((node) => node.organizations);
      const moved = list.reduce((sum, size, i) => sum + (before.places[i] === after.places[i] ? 0 : size), 0);
      const astray = list.filter((_, i) => before.places[i] !== after.places[i] && after.places[i] !== n + 1).length;
      if (astray) throw new Error('a node that is added takes from the others and moves nothing else');
      const percent = (part) => `${((100 * part) / total).toFixed(1)} %`;
      say(`${n} | ${count(total / n)}, ${count(largest)} | ${(largest / (total / n)).toFixed(2)} | ${count(Math.min(...numbers))} ` +
        `to ${count(Math.max(...numbers))} | ${percent(largest)}, ${count(then)} | ${percent(moved)}`);
    }
  }
}

mkdirSync(out, { recursive: true });
if (only.has('place')) tellPlacement();
if (only.has('measure')) await measure();
if (only.has('known')) await measureKnown();
process.exit(0);
