// postgres.mjs — PostgreSQL for tests: databases in the run's cluster, and clusters that a test may stop, kill and promote.
//
// The run's cluster is the one that ROSTER_TEST_POSTGRES names (script/test starts it); a file that is run by hand starts its own
// when it needs one. All of it is made by tests/support/postgres, whose head tells what such a cluster is.
import { execFile, execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../support/postgres', import.meta.url));

/* Ends by itself long before; on a busy machine a start or a base backup takes seconds. */
const LIMIT_MS = 120_000;

/* Debian's psql is a script that looks for this one; a test asks often. */
export function program(name) {
    const versions = fs.existsSync('/usr/lib/postgresql') ? fs.readdirSync('/usr/lib/postgresql') : [];
    const [newest] = versions.sort((a, b) => b - a);
    return newest ? `/usr/lib/postgresql/${newest}/bin/${name}` : name;
}

const quietly = { encoding: 'utf8', timeout: LIMIT_MS, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] };

/* What `psql` prints of the statements, a line for each row and | between columns; each is a transaction of its own. */
export function query(url, ...statements) {
    return execFileSync(program('psql'), psqlArguments(url, statements), quietly);
}

/* The same without holding up what else this process does. */
export function queryAsync(url, ...statements) {
    return run(program('psql'), psqlArguments(url, statements));
}

const psqlArguments = (url, statements) => ['-XqAt', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((one) => ['-c', one]), url];

function run(file, args) {
    return new Promise((resolve, reject) => {
        execFile(file, args, { timeout: LIMIT_MS, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
            if (error) reject(new Error(`${path.basename(file)} ${args.join(' ')}: ${stderr || error.message}`));
            else resolve(stdout);
        }).stdin.end();
    });
}

/* A database as SQL text, as pg_dump writes it. */
export function dump(url) {
    return execFileSync(program('pg_dump'), ['--inserts', '-d', url], { ...quietly, encoding: 'buffer' });
}

/* A database into another, empty one, by pg_dump and pg_restore as docs/storage.md has it. */
export async function restore(from, to) {
    const file = path.join(fs.mkdtempSync('/tmp/roster-dump-'), 'roster.dump');
    try {
        await run(program('pg_dump'), ['--format=custom', `--file=${file}`, from]);
        await run(program('pg_restore'), ['--exit-on-error', '-d', to, file]);
    } finally {
        fs.rmSync(path.dirname(file), { recursive: true, force: true });
    }
}

/* The URL with other parameters; null removes one. An URL without a host, as PostgreSQL has them, is none for `new URL`. */
export function withParameters(url, parameters) {
    const [address, known = ''] = url.split('?');
    const all = new URLSearchParams(known);
    for (const [name, value] of Object.entries(parameters))
        if (value === null) all.delete(name);
        else all.set(name, value);
    return `${address}?${decodeURIComponent(all.toString())}`;
}

const withDatabase = (url, name) => url.replace(/^(\w+:\/\/[^/]*)\/[^?]*/, `$1/${name}`);

// --- the run's cluster and databases in it ---

let own = null; // the cluster of this file
const databases = new Set();

process.on('exit', () => (own ? own.removeNow() : dropDatabases()));

/* The URL of a cluster for everybody. */
export function sharedCluster() {
    if (process.env.ROSTER_TEST_POSTGRES) return process.env.ROSTER_TEST_POSTGRES;
    own ??= Cluster.startNow();
    return own.url();
}

/* An empty database of its own name, which is dropped when the file ends: its URL. */
export function createDatabase(cluster = sharedCluster()) {
    const name = `test_${process.pid}_${crypto.randomBytes(6).toString('hex')}`;
    query(cluster, `CREATE DATABASE ${name} TEMPLATE template0 STRATEGY wal_log`);
    const url = withDatabase(cluster, name);
    if (cluster === process.env.ROSTER_TEST_POSTGRES) databases.add(name);
    return url;
}

/* Nobody waits for it: each takes a checkpoint, and what is left over goes with the cluster. It is a shell's child and not ours:
 * Node may never end when a child of its own ends while it cleans up. */
function dropDatabases() {
    const statements = [...databases].map((name) => `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    if (statements.length === 0) return;
    const args = psqlArguments(process.env.ROSTER_TEST_POSTGRES, statements);
    execFileSync('sh', ['-c', 'setsid "$@" &', 'sh', program('psql'), ...args], { stdio: 'ignore' });
}

// --- clusters of a test's own ---

export class Cluster {
    constructor(directory) {
        this.directory = directory;
    }

    /* Options: '--tcp', '--tls', '-c', 'name=value'. */
    static async start(...options) {
        const cluster = new Cluster(newDirectory());
        await cluster.start(...options);
        return cluster;
    }

    static startNow() {
        const cluster = new Cluster(newDirectory());
        execFileSync(SCRIPT, ['start', cluster.directory, ...OWNER], quietly);
        return cluster;
    }

    /* Starts what is there: after stop() or kill(). */
    start(...options) {
        return run(SCRIPT, ['start', this.directory, ...OWNER, ...options]);
    }

    /* A copy on which every commit waits from now on. */
    async standby() {
        const standby = new Cluster(newDirectory());
        await run(SCRIPT, ['standby', standby.directory, this.directory, ...OWNER]);
        return standby;
    }

    promote() {
        return run(SCRIPT, ['promote', this.directory]);
    }

    stop() {
        return run(SCRIPT, ['stop', this.directory]);
    }

    kill() {
        return run(SCRIPT, ['kill', this.directory]);
    }

    remove() {
        return run(SCRIPT, ['remove', this.directory]);
    }

    removeNow() {
        execFileSync(SCRIPT, ['remove', this.directory], quietly);
    }

    url(database = 'postgres') {
        return execFileSync(SCRIPT, ['url', this.directory, database], quietly).trim();
    }

    tcpUrl(database = 'postgres') {
        return execFileSync(SCRIPT, ['tcp-url', this.directory, database], quietly).trim();
    }

    /* What the server said. */
    get log() {
        return fs.readFileSync(path.join(this.directory, 'log'), 'utf8');
    }
}

const OWNER = ['--owner', String(process.pid)];

/* Not os.tmpdir(), which may be long: a socket's path may have 107 bytes only. */
const newDirectory = () => fs.mkdtempSync('/tmp/roster-pg-');

/* One URL for all clusters: whichever of them takes writes is the one to talk to. */
export function anyOf(clusters, database) {
    const hosts = clusters.map(({ directory }) => directory).join(',');
    return `postgres://postgres@/${database}?host=${hosts}&target_session_attrs=read-write&connect_timeout=3`;
}
