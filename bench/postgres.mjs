// postgres.mjs - the rows with PostgreSQL as the store (docs/benchmarks.md): a cluster of its own with the settings of an
// operator, the data copied from the SQLite database of the import.
//
// Roster and the clients are pinned as in all other rows; PostgreSQL runs where the kernel puts it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { client, load, logInToPassbolt, out, readRows, touchAll, writeRequests } from './clients.mjs';
import {
  CLIENT_CORE, SERVER_CORE, Server, cpuUs, familyCpuUs, fetchOnce, median, memoryMb, run, sorted, watch, wrk,
} from './machine.mjs';
import { add, kilo, notes, say, times } from './report.mjs';
import { Cluster, query } from '../tests/e2e/support/postgres.mjs';

const SETTINGS = ['shared_buffers=1GB', 'max_wal_size=4GB'];
const LAGS = 1_000; // writes watched in a round; 3 rounds at least
const LOAD_CLIENTS = 16;
const PAUSE_US = 5_000;

const middle = (list, field) => median(list.map((r) => r[field]));
const ratio = (a, b, field) => median(a.map((r, i) => r[field] / b[i][field]));
const latency = (list) => `p50 ${kilo(middle(list, 'p50_us'))} us, p99 ${kilo(middle(list, 'p99_us'))} us`;
const number = (url, statement) => Number(query(url, statement));

class Database {
  static async start() {
    const database = new Database();
    database.cluster = new Cluster(mkdtempSync('/var/tmp/roster-pg-')); // on a disk, which /tmp need not be
    process.once('exit', () => database.cluster.removeNow());
    await database.cluster.start(...SETTINGS.flatMap((setting) => ['-c', setting]));
    query(database.cluster.url(), 'CREATE DATABASE roster', 'CREATE DATABASE pgbench');
    database.url = database.cluster.url('roster');
    database.pgbenchUrl = database.cluster.url('pgbench');
    database.pid = Number(readFileSync(join(database.cluster.directory, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
    return database;
  }

  cpuUs() {
    return familyCpuUs(this.pid);
  }
}

async function measureCopy(postgres, { binary, database }) {
  const copyLog = join(out, 'copy.log');
  const seen = await watch(binary, ['copy', '--from', `sqlite:${database}`, '--to', postgres.url], null, copyLog);
  if (seen.status !== 0) throw new Error(`roster copy ended with ${seen.status}: ${readFileSync(copyLog, 'utf8').slice(-2000)}`);
  query(postgres.url, 'VACUUM ANALYZE', 'CHECKPOINT');
  const size = number(postgres.url, 'SELECT pg_database_size(current_database())');
  add({
    what: '`roster copy` of the whole data set from SQLite, with its checks', value: seen.seconds, unit: 's', atLeast: false,
    detail: `database ${kilo(size / 1e6)} MB; at most ${Math.round(seen.peak)} MB of memory`,
  });
  const tables = query(postgres.url, `SELECT relname, pg_relation_size(oid), pg_indexes_size(oid), pg_total_relation_size(oid),
      reltuples FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 1000
      ORDER BY 4 DESC`);
  const each = tables.trim().split('\n').map((line) => line.split('|')).map(([name, heap, indexes, total, count]) =>
    `${name} ${Math.round(total / count)} (rows ${Math.round(heap / count)}, indexes ${Math.round(indexes / count)})`);
  notes.push(`PostgreSQL, bytes a row after VACUUM: ${each.join('; ')}.`);
}

// As measureStart in run.mjs. Then the same by eight clients and with both cores: a node that takes over all organizations of
// another.
async function measureLoading(postgres, manifest, { binary, log, rounds }) {
  const rates = [], first = [], together = [], resident = [], cpu = [];
  const small = manifest.organizations.at(-1);
  for (const round of times(rounds)) {
    let server = await Server.start(binary, postgres.url, log);
    const answer = await fetchOnce(server.port, '/v1/user-groups?size=4', small.token);
    if (answer.status !== 200) throw new Error(`the first answer was ${answer.head}`);
    first.push(Number(process.hrtime.bigint() - server.began) / 1e9);
    const used = cpuUs(server.pid), usedThere = postgres.cpuUs();
    rates.push(manifest.totals.memberships / touchAll(server, manifest).seconds / 1e6);
    cpu.push({ here: (cpuUs(server.pid) - used) / 1e6, there: (postgres.cpuUs() - usedThere) / 1e6 });
    resident.push(memoryMb(server.pid).VmRSS);
    await server.stop();
    server = await Server.start(binary, postgres.url, log, `${SERVER_CORE},${CLIENT_CORE}`);
    together.push(touchAll(server, manifest, 8).seconds);
    await server.stop();
    say(`loading ${round + 1}: ${rates.at(-1).toFixed(2)} M/s (CPU ${cpu.at(-1).here.toFixed(2)} s, PostgreSQL ` +
      `${cpu.at(-1).there.toFixed(2)} s), by eight ${together.at(-1).toFixed(2)} s`);
  }
  const { memberships } = manifest.totals;
  const seconds = (list, field) => `${middle(list, field).toFixed(1)} s`;
  add({
    what: 'loading images from PostgreSQL, memberships', target: 0.3, value: median(rates), unit: 'M/s', atLeast: true,
    detail: `${kilo(manifest.organizations.length)} organizations one after another by one client; start to first answer ` +
      `${median(first).toFixed(2)} s; CPU ${seconds(cpu, 'here')}, PostgreSQL ${seconds(cpu, 'there')}`,
  });
  notes.push(`Taking over ${kilo(manifest.organizations.length)} organizations, ${kilo(memberships)} memberships: one after ` +
    `another ${(memberships / median(rates) / 1e6).toFixed(1)} s, by eight clients on two cores shared with PostgreSQL ` +
    `${median(together).toFixed(1)} s; then ${(median(resident) * 1e6 / memberships).toFixed(0)} bytes of memory a membership, ` +
    'users and groups with it.');
}

// Both servers on the server's core, asked in turn: SQLite, PostgreSQL, PostgreSQL, SQLite, so that a neighbour who comes or goes
// slowly disturbs both alike. `seconds` for each server in a round.
async function measureReads(servers, manifest, { rounds, seconds }) {
  const fifty = manifest.organizations.find((o) => o.kind === 'fifty');
  const measured = [];
  for (const [name, server] of Object.entries(servers)) {
    readRows(manifest, fifty, await logInToPassbolt(server)).forEach((row, i) => {
      measured[i] ??= { ...row, ask: {}, runs: { sqlite: [], postgres: [] } };
      const [path, credential] = row.requests[0];
      measured[i].ask[name] = row.requests.length === 1 ? { path, credential }
        : { requests: writeRequests(`${row.key}-${name}`, row.requests) };
      wrk(server.pid, server.port, { ...measured[i].ask[name], connections: row.connections, seconds: 1 });
    });
  }
  const ask = (row, name) => {
    const { pid, port } = servers[name];
    const seen = wrk(pid, port, { ...row.ask[name], connections: row.connections, seconds: seconds / 2 });
    servers[name].forgetLog();
    return seen;
  };
  const both = (a, b) => ({ rate: (a.rate + b.rate) / 2, cpu_us: (a.cpu_us + b.cpu_us) / 2 });
  for (const round of times(rounds)) {
    for (const row of measured) {
      const [first, second, third, fourth] = ['sqlite', 'postgres', 'postgres', 'sqlite'].map((name) => ask(row, name));
      row.runs.sqlite.push(both(first, fourth));
      row.runs.postgres.push(both(second, third));
      const brief = (name) => `${name} ${kilo(row.runs[name].at(-1).rate)}/s ${row.runs[name].at(-1).cpu_us.toFixed(1)} us`;
      say(`reads ${round + 1}, ${row.key}: ${brief('sqlite')}, ${brief('postgres')}`);
    }
  }
  for (const { what, runs: { sqlite, postgres } } of measured) {
    add({
      what: `PostgreSQL: ${what}, rate beside SQLite`, target: 0.95, value: ratio(postgres, sqlite, 'rate'), unit: 'x',
      atLeast: true, detail: `${kilo(middle(postgres, 'rate'))}/s and ${kilo(middle(sqlite, 'rate'))}/s; CPU a request ` +
        `${middle(postgres, 'cpu_us').toFixed(1)} and ${middle(sqlite, 'cpu_us').toFixed(1)} us`,
    });
  }
  const after = memoryMb(servers.postgres.pid);
  add({ what: 'PostgreSQL: resident memory after the reads above', target: 600, value: after.VmRSS, unit: 'MB', atLeast: false,
    detail: `${Math.round(after.RssAnon)} MB of it anonymous; SQLite ${Math.round(memoryMb(servers.sqlite.pid).VmRSS)} MB` });
}

// The yardsticks of a durable write: transactions of one connection, statements prepared, by pgbench.
const YARDSTICKS = {
  update: 'BEGIN;\nUPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\nEND;\n',
  alone: 'UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\n',
  simple: undefined, // what pgbench -N does: BEGIN, UPDATE, SELECT, INSERT, END
};

function pgbench(postgres, args) {
  return run('pgbench', [...args, '-h', postgres.cluster.directory, '-U', 'postgres', 'pgbench']);
}

// Every page has been written to since the last checkpoint, so that no transaction has to log a whole one.
function prepareYardsticks(postgres) {
  pgbench(postgres, ['-i', '-q', '-s', '1']);
  for (const [name, script] of Object.entries(YARDSTICKS)) {
    if (script) writeFileSync(join(out, `pgbench-${name}.sql`), `\\set aid random(1, 100000)\n${script}`);
  }
  query(postgres.pgbenchUrl, 'CHECKPOINT', 'UPDATE pgbench_accounts SET abalance = 1', 'VACUUM ANALYZE');
}

function runYardstick(postgres, name, seconds) {
  const prefix = `pgbench-${name}-log`;
  const script = YARDSTICKS[name] ? ['-f', join(out, `pgbench-${name}.sql`)] : ['-N'];
  pgbench(postgres, ['-n', '-c', '1', '-M', 'prepared', '-T', String(Math.max(1, Math.round(seconds))), ...script, '-l',
    '--log-prefix', join(out, prefix)]);
  const taken = [];
  for (const file of readdirSync(out).filter((one) => one.startsWith(`${prefix}.`))) {
    for (const line of readFileSync(join(out, file), 'utf8').trim().split('\n')) taken.push(Number(line.split(' ')[2]));
    rmSync(join(out, file));
  }
  const took = sorted(taken), share = (of) => took[Math.floor(of * (took.length - 1))];
  return { rate: took.length / seconds, p50_us: share(0.5), p99_us: share(0.99) };
}

// The same adds as measureWrites in run.mjs, with what they cost on both sides.
function addMembers(server, postgres, plan, seconds) {
  const wal = query(postgres.url, 'SELECT pg_current_wal_lsn()').trim();
  const before = { here: cpuUs(server.pid), there: postgres.cpuUs() };
  const seen = load(server.port, plan, seconds);
  seen.here_us = (cpuUs(server.pid) - before.here) / seen.count;
  seen.there_us = (postgres.cpuUs() - before.there) / seen.count;
  seen.wal = number(postgres.url, `SELECT pg_current_wal_lsn() - '${wal}'`) / seen.count;
  return seen;
}

function measureWrites(server, postgres, manifest, { rounds, seconds }) {
  const { clients } = manifest;
  const half = (list, which) => list.slice(which * (list.length >> 1), (which + 1) * (list.length >> 1));
  const seen = { update: [], alone: [], simple: [], one: [], all: [] };
  prepareYardsticks(postgres);
  for (const round of times(rounds)) {
    for (const name of Object.keys(YARDSTICKS)) seen[name].push(runYardstick(postgres, name, seconds));
    seen.one.push(addMembers(server, postgres, client(clients[0].token, half(clients[0].rounds[round], 0)), seconds));
    seen.all.push(addMembers(server, postgres, clients.flatMap((c) => client(c.token, half(c.rounds[round], 1))), seconds));
    server.forgetLog();
    say(`writes ${round + 1}: ` + Object.entries(seen).map(([n, r]) =>
      `${n} ${kilo(r.at(-1).rate)}/s p50 ${r.at(-1).p50_us} p99 ${r.at(-1).p99_us} us`).join('; '));
  }
  const beside = (name) => `${ratio(seen.one, seen[name], 'p50_us').toFixed(2)}`;
  const each = seen.one.map((r, i) => (r.p50_us / seen.update[i].p50_us).toFixed(2)).join(', '); // apart: busy
  const p50 = (name) => `${kilo(middle(seen[name], 'p50_us'))} us`;
  const cost = (list) => `CPU ${kilo(middle(list, 'here_us'))} us, PostgreSQL ${kilo(middle(list, 'there_us'))} us; ` +
    `log ${kilo(middle(list, 'wal'))} B`;
  add({
    what: 'PostgreSQL: one durable member add, one client, p50 beside `BEGIN; UPDATE` of one row`; END` by pgbench', target: 2,
    value: ratio(seen.one, seen.update, 'p50_us'), unit: 'x', atLeast: false,
    detail: `${kilo(middle(seen.one, 'rate'))}/s, ${latency(seen.one)}; pgbench p50 ${p50('update')}, by round ${each}; ` +
      `beside the UPDATE alone (${p50('alone')}) ${beside('alone')}, beside \`pgbench -N\` (${p50('simple')}) ` +
      beside('simple'),
  });
  add({
    what: 'PostgreSQL: 64 clients adding members in 64 organizations, rate of one client', target: 6,
    value: ratio(seen.all, seen.one, 'rate'), unit: 'x', atLeast: true,
    detail: `${kilo(middle(seen.all, 'rate'))}/s, ${latency(seen.all)}`,
  });
  notes.push(`An add on PostgreSQL, by one client: ${cost(seen.one)}; by 64: ${cost(seen.all)}.`);
}

// Two nodes: adds through one, seen through the other, alone and with others adding through both. To the last groups of each
// round, which measureWrites does not reach.
function measureLag(nodes, manifest, { rounds }) {
  const ports = nodes.map(({ port }) => String(port));
  const [watched, ...others] = manifest.clients;
  const lagOf = (round, from, load) => {
    const { token } = watched, walk = watched.rounds[round].at(from);
    const plan = [...client(token, [walk]), 'client', `token ${token}`, `get /v1/user-groups/${walk.group}`,
      ...others.slice(0, load).flatMap((c) => client(c.token, c.rounds[round].slice(-4)))];
    return JSON.parse(run(join(out, 'lag'), [...ports, String(LAGS), String(PAUSE_US)], { input: plan.join('\n') + '\n' }));
  };
  const seen = { alone: [], loaded: [] };
  for (const round of times(rounds)) {
    seen.alone.push(lagOf(round, -1, 0));
    seen.loaded.push(lagOf(round, -2, LOAD_CLIENTS));
    for (const node of nodes) node.forgetLog();
    say(`lag ${round + 1}: ` + Object.entries(seen).map(([n, r]) => `${n} ${JSON.stringify(r.at(-1))}`).join('; '));
  }
  const worst = Math.max(...seen.loaded.map((r) => r.max_us)), count = seen.loaded.reduce((sum, r) => sum + r.count, 0);
  const ms = (list, field) => `${(middle(list, field) / 1000).toFixed(2)} ms`;
  add({
    what: 'PostgreSQL: from the answer of one node until another shows it, p99', target: 20,
    value: middle(seen.loaded, 'p99_us') / 1000, unit: 'ms', atLeast: false,
    detail: `p50 ${ms(seen.loaded, 'p50_us')}, worst ${(worst / 1000).toFixed(2)} ms of ${kilo(count)} adds, beside ` +
      `${kilo(middle(seen.loaded, 'others_rate'))} other adds/s through both; without them p50 ${ms(seen.alone, 'p50_us')}, ` +
      `p99 ${ms(seen.alone, 'p99_us')}`,
  });
}

export async function measurePostgres(manifest, options) {
  const { binary, database, log } = options;
  const postgres = await Database.start();
  await measureCopy(postgres, options);
  await measureLoading(postgres, manifest, options);
  const servers = {
    sqlite: await Server.start(binary, `sqlite:${database}`, log), postgres: await Server.start(binary, postgres.url, log),
  };
  for (const server of Object.values(servers)) touchAll(server, manifest);
  await measureReads(servers, manifest, options);
  await servers.sqlite.stop();
  measureWrites(servers.postgres, postgres, manifest, options);
  const other = await Server.start(binary, postgres.url, log);
  touchAll(other, manifest);
  measureLag([servers.postgres, other], manifest, options);
  for (const server of [servers.postgres, other]) await server.stop();
  const checked = spawnSync(binary, ['check', '--store', postgres.url], { encoding: 'utf8' });
  const said = checked.status === 0 ? 'clean' : `**${checked.stdout.slice(-300)}${checked.stderr.slice(-300)}**`;
  notes.push(`\`roster check\` of PostgreSQL after the writes: ${said}.`);
}
