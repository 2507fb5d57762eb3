// roster.mjs — one Roster in a directory of its own: its database, its commands, its server.
//
// A test makes a `new Roster()`, imports objects, serves, asks, stops. The directory is removed when all tests of the file
// passed. When one failed, the directories in which a server ran or a command did not succeed are kept; their paths and what
// matters of the server's log are printed.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from './client.mjs';
import { fromLines, toLines } from './objects.mjs';
import * as postgres from './postgres.mjs';
import { eventually } from './wait.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BINARY = path.resolve(ROOT, process.env.ROSTER_BINARY ?? 'build/roster');

/* Which database the tests run on: sqlite, or postgres. */
export const ENGINE = process.env.ROSTER_TEST_ENGINE || 'sqlite';
assert.ok(['sqlite', 'postgres'].includes(ENGINE), `ROSTER_TEST_ENGINE: there is no engine ${ENGINE}`);

/* The options of a test that is about one engine; `reason` says why it means nothing on the other. */
export const sqliteOnly = (reason) => ({ skip: ENGINE !== 'sqlite' && reason });
export const postgresOnly = (reason) => ({ skip: ENGINE !== 'postgres' && reason });

/* What AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer begin their reports with. */
const SANITIZER_REPORT = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:/;

/* Generous: a sanitizer build on a busy machine starts slowly. Nothing waits for it unless something is wrong. */
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;
const COMMAND_LIMIT_MS = 180_000;

const everyone = [];

/* A server that a failed test left running would keep the file from ending. The hooks of the file itself come after this one. */
const LEFT_RUNNING_MS = 30_000;
after(() => setTimeout(() => everyone.forEach((roster) => roster.child?.kill('SIGKILL')), LEFT_RUNNING_MS).unref());

/* Before the databases are dropped (postgres.mjs). */
process.prependListener('exit', (code) => {
    for (const roster of everyone) {
        roster.child?.kill('SIGKILL');
        if (code !== 0 && (roster.log || roster.failed)) roster.keep();
        else fs.rmSync(roster.directory, { recursive: true, force: true });
    }
});

/* The surroundings of the tests (ROSTER_BINARY, ROSTER_SEED ...) are not settings of the server. */
function environment(more = {}) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ROSTER_')));
    return { ...clean, ...more };
}

export class Roster {
    #store = null;

    constructor({ engine = ENGINE } = {}) {
        this.engine = engine;
        this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'roster-e2e-'));
        this.child = null;
        this.log = '';
        this.failed = false; // a command did not succeed: what it was given is kept, as a key that was refused
        everyone.push(this);
    }

    /* The URL of the database. One of PostgreSQL's is made when somebody asks for it first: not every test needs one. */
    get store() {
        this.#store ??= this.engine === 'sqlite' ? `sqlite:${this.file('roster.db')}` : postgres.createDatabase();
        return this.#store;
    }

    set store(url) {
        this.engine = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
        this.#store = url;
    }

    /* What programs of this Roster run with: on PostgreSQL they may make their tables too, as on SQLite they do by default. */
    environment(more = {}) {
        return environment({ ...(this.engine === 'postgres' && { ROSTER_MIGRATE: 'true' }), ...more });
    }

    /* The directory stays, with all that is in the database, and it is said what was in the log. */
    keep() {
        if (this.engine === 'postgres' && this.#store) {
            try {
                this.file('roster.sql', postgres.dump(this.#store));
            } catch {} // it may be what the test killed
        }
        console.error(`kept ${this.directory}; of the server's log:\n${this.excerpt()}`);
    }

    /* A path inside the directory; with `content` the file is written. */
    file(name, content) {
        const full = path.join(this.directory, name);
        if (content !== undefined) fs.writeFileSync(full, content);
        return full;
    }

    // --- the database, behind the program's back ---

    /* Runs a statement that both engines know: what it gives, a line for each row and | between columns. It waits for its turn to
     * write, as everybody does. */
    query(sql) {
        const file = this.store.slice('sqlite:'.length);
        if (this.engine === 'sqlite')
            return execFileSync('sqlite3', ['-cmd', '.timeout 30000', file, sql], { encoding: 'utf8' });
        const decode = (_, hex) => Buffer.from(hex, 'hex').toString(); // bytes, as sqlite3 shows them
        return postgres.query(this.store, sql).replaceAll(/\\x([0-9a-f]+)/g, decode);
    }

    /* Bytes as they are written in a statement. */
    bytes(hex) {
        return this.engine === 'sqlite' ? `x'${hex}'` : `'\\x${hex}'::bytea`;
    }

    /* The names of the tables that somebody made. */
    tables() {
        const names =
            this.engine === 'sqlite'
                ? "select name from sqlite_master where type = 'table' order by name"
                : "select tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by tablename";
        return this.query(names).split('\n').filter(Boolean);
    }

    /* All that the database has on disk: { name: bytes }. */
    stored() {
        if (this.engine === 'postgres') return { dump: postgres.dump(this.store) };
        const names = fs.readdirSync(this.directory).filter((name) => name.startsWith('roster.db'));
        return Object.fromEntries(names.map((name) => [name, fs.readFileSync(this.file(name))]));
    }

    // --- commands ---

    /* Runs `roster ARGS...` to its end: { code, stdout, stderr }. Never throws for an exit code. */
    run(args, { input = '', env = {} } = {}) {
        return new Promise((resolve, reject) => {
            const limits = { maxBuffer: 1 << 28, timeout: COMMAND_LIMIT_MS, killSignal: 'SIGKILL' };
            const options = { cwd: this.directory, env: this.environment(env), ...limits };
            const child = execFile(BINARY, args, options, (error, stdout, stderr) => {
                if (error?.killed) return reject(new Error(`roster ${args.join(' ')} did not end:\n${stderr}`));
                if (error && typeof error.code !== 'number') return reject(error);
                if (SANITIZER_REPORT.test(stderr)) return reject(new Error(`roster ${args.join(' ')}:\n${stderr}`));
                resolve({ code: error ? error.code : 0, stdout, stderr });
            });
            child.stdin.on('error', () => {}); // a command that does not read its input
            child.stdin.end(input);
        });
    }

    /* A command on this database that must succeed: its standard output. */
    async command(...args) {
        const [name, ...rest] = args;
        const words = name === 'token' ? [name, rest.shift()] : [name];
        const { code, stdout, stderr } = await this.run([...words, '--store', this.store, ...rest]);
        this.failed ||= code !== 0;
        assert.equal(code, 0, `roster ${args.join(' ')} ended with ${code}:\n${stderr}`);
        return stdout;
    }

    /* Imports objects (or the text of a directory file), which must be good. */
    import(objects, ...flags) {
        const text = typeof objects === 'string' ? objects : toLines(objects);
        return this.command('import', ...flags, this.file('import.ndjson', text));
    }

    export() {
        return this.command('export');
    }

    /* The export is as it was; the message shows only the lines that are not. */
    async assertExportIs(before) {
        const was = new Set(before.split('\n')),
            is = new Set((await this.export()).split('\n'));
        const gone = [...was].filter((line) => !is.has(line)),
            added = [...is].filter((line) => !was.has(line));
        assert.deepEqual({ gone, added }, { gone: [], added: [] });
    }

    /* `roster check` must find nothing. */
    async check() {
        const output = await this.command('check');
        assert.match(
            output.trimEnd().split('\n').at(-1),
            /^\d+ organizations?, \d+ users?, \d+ groups?, \d+ memberships? checked, 0 findings$/,
        );
        return output;
    }

    /* `roster token create`: { id, uuid, keyId, secret }. */
    async createToken(...flags) {
        const output = await this.command('token', 'create', ...flags);
        const facts = Object.fromEntries(
            output
                .trimEnd()
                .split('\n')
                .map((line) => line.split(' ')),
        );
        return { id: Number(facts.id), uuid: facts.uuid, keyId: facts['key-id'], secret: facts.secret };
    }

    // --- the server ---

    /* Starts `roster serve` and waits for the line that says that it is ready, and where. */
    async serve(settings = [], options = {}) {
        const ready = this.begin(settings, options);
        this.#listensOn(await ready);
        return this;
    }

    /* The same for a server whose database is away: it says in its log where it waits. Gives a function that waits until it is ready. */
    async serveEarly(settings = []) {
        const ready = this.begin(settings);
        ready.catch(() => {}); // not everybody waits for it
        const waits = /, meanwhile (\S+) answers only/;
        await eventually(() => assert.match(this.log, waits));
        this.#listensOn(waits.exec(this.log)[1]);
        return () => ready;
    }

    #listensOn(url) {
        this.url = url;
        this.endpoint = endpointOf(url);
    }

    /* Starts `roster serve`: its address, once it is ready. */
    begin(settings = [], { env = {}, listen = '127.0.0.1:0' } = {}) {
        assert.equal(this.child, null, 'the server runs already');
        const args = ['serve', '--store', this.store, ...(listen ? ['--listen', listen] : []), ...settings];
        const options = { cwd: this.directory, env: this.environment(env), stdio: ['ignore', 'pipe', 'pipe'] };
        const child = spawn(BINARY, args, options);
        this.child = child;
        this.log = '';
        child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
        this.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
        return this.#waitForAddress(child);
    }

    #waitForAddress(child) {
        return new Promise((resolve, reject) => {
            let output = '';
            const timer = setTimeout(() => reject(new Error(`the server did not start:\n${this.log}`)), START_LIMIT_MS);
            child.stdout.setEncoding('utf8').on('data', (text) => {
                output += text;
                const found = /^listening on (\S+)\n/m.exec(output);
                if (!found) return;
                clearTimeout(timer);
                resolve(found[1]);
            });
            child.on('error', reject);
            this.ended.then(({ code, signal }) => {
                clearTimeout(timer);
                this.child = null;
                reject(new Error(`the server ended at once (${code ?? signal}):\n${this.log}`));
            });
        });
    }

    /* Asks the server to stop and expects a clean end. */
    async stop(signal = 'SIGTERM') {
        if (!this.child) return;
        const child = this.child;
        this.closeClients();
        child.kill(signal);
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
        const end = await this.ended;
        clearTimeout(timer);
        this.child = null;
        this.assertNoSanitizerReport();
        assert.deepEqual(end, { code: 0, signal: null }, `the server did not end cleanly:\n${this.excerpt()}`);
    }

    /* kill -9. */
    async kill() {
        this.child.kill('SIGKILL');
        await this.ended;
        this.child = null;
        this.closeClients();
        this.assertNoSanitizerReport();
    }

    /* The same under load, for who reads afterwards what was kept. */
    async killAndSettle() {
        await this.kill();
        await this.settle();
    }

    /* What a process that was killed had sent, PostgreSQL may still commit for a moment. Waits until nobody is connected. */
    async settle() {
        if (this.engine === 'sqlite') return;
        const sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'roster %'";
        await eventually(async () => assert.equal((await postgres.queryAsync(this.store, sessions)).trim(), '0'), 60_000);
    }

    async restart(settings) {
        await this.stop();
        return this.serve(settings);
    }

    assertNoSanitizerReport() {
        if (SANITIZER_REPORT.test(this.log)) assert.fail(this.excerpt());
    }

    /* What is worth reading of the log: a sanitizer's report, else the last lines that are not about requests. */
    excerpt() {
        const report = this.log.search(SANITIZER_REPORT);
        if (report >= 0) return this.log.slice(this.log.lastIndexOf('\n', report) + 1, report + 5000);
        return this.log
            .split('\n')
            .filter((line) => !/ request id=|"message":"request"/.test(line))
            .slice(-20)
            .join('\n');
    }

    // --- clients ---

    /* A client with a credential: the secret of a bearer token, or { keyId, secret }, or null for none. */
    as(credential, options) {
        const client = new Client(this, credential, options);
        this.clients ??= [];
        this.clients.push(client);
        return client;
    }

    closeClients() {
        for (const client of this.clients ?? []) client.close();
    }

    /* A raw connection to the server. */
    connect() {
        return net.connect(this.endpoint);
    }
}

function endpointOf(url) {
    if (url.startsWith('unix:')) return { path: url.slice('unix:'.length) };
    const { hostname, port } = new URL(url);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/* A Roster that serves `objects`: what most tests begin with. */
export async function serveObjects(objects, settings) {
    const roster = new Roster();
    await roster.import(objects);
    return roster.serve(settings);
}

/* The routes of the server, as it prints them itself: [{ api, method, pattern, rights, body, public ... }]. */
export async function listRoutes() {
    const { code, stdout, stderr } = await new Roster().run(['routes', '--json']);
    assert.equal(code, 0, stderr);
    return fromLines(stdout);
}
