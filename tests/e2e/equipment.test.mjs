// What the tests of PostgreSQL stand on, tried with psql alone: clusters that are killed and promoted, networks that break.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { Pair } from './support/pair.mjs';
import { anyOf, Cluster, createDatabase, query, queryAsync, withParameters } from './support/postgres.mjs';
import { Proxy } from './support/proxy.mjs';
import { postgresOnly } from './support/roster.mjs';
import { eventually, sleep } from './support/wait.mjs';

const whose = postgresOnly('is about PostgreSQL');

const sessions = [];
after(() => Promise.all(sessions.map((session) => session.end())));
/* Node 20 sometimes never comes to an end while it cleans up after children that were killed: it need not clean up. */
after(() => process.on('exit', () => process.exit()));

/* One psql that stays connected: each line is sent at once, `said` grows with what comes back. */
class Session {
    constructor(url) {
        this.said = '';
        sessions.push(this);
        this.child = spawn('psql', ['-XqAt', withParameters(url, { connect_timeout: 3 })], { stdio: ['pipe', 'pipe', 'pipe'] });
        for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.said += text));
        this.child.stdin.on('error', () => {});
        this.ended = new Promise((resolve) => this.child.on('close', resolve));
    }

    send(line) {
        this.child.stdin.write(`${line}\n`);
    }

    says(pattern) {
        return eventually(() => assert.match(this.said, pattern));
    }

    /* Nothing more than `before` within a while in which it otherwise says much. */
    async isSilent() {
        const before = this.said;
        await sleep(200);
        assert.equal(this.said, before);
    }

    end() {
        this.child.kill('SIGKILL');
        return this.ended;
    }
}

describe('a proxy', whose, () => {
    let database, proxy, session;
    const count = () => Number(query(database, 'select count(*) from t'));
    before(async () => {
        database = createDatabase();
        query(database, 'create table t (i int)');
        proxy = await Proxy.open(database);
    });
    after(() => proxy.close());
    const fresh = async () => {
        proxy.set('open');
        query(database, 'delete from t');
        session = new Session(proxy.url);
        session.send('select 1;');
        await session.says(/^1\n/);
    };

    it('that is open passes everything', async () => {
        await fresh();
        session.send('insert into t values (1) returning 77;');
        await session.says(/77/);
        assert.equal(count(), 1);
        session.child.stdin.end();
        assert.equal(await session.ended, 0);
    });
    it('that refuses resets who is connected and who comes', async () => {
        await fresh();
        proxy.set('refuse');
        session.send('select 2;');
        await session.says(/closed|lost/);
        await assert.rejects(queryAsync(proxy.url, 'select 1'), /closed|reset|refused/);
        proxy.set('open');
        assert.equal(await queryAsync(proxy.url, 'select 1'), '1\n');
        await session.end();
    });
    it('that drops leaves both sides waiting, and nothing arrives', async () => {
        await fresh();
        proxy.set('drop');
        session.send('insert into t values (1);');
        await session.isSilent();
        assert.equal(count(), 0);
        proxy.set('open');
        await session.says(/closed|lost|reset/);
        await session.end();
    });
    it('that drops answers lets the commit happen', async () => {
        await fresh();
        proxy.set('drop-answers');
        session.send('insert into t values (1) returning 77;');
        await eventually(() => assert.equal(count(), 1));
        await session.isSilent();
        assert.doesNotMatch(session.said, /77/);
        await session.end();
    });
    it('that drops requests lets the answers come', async () => {
        await fresh();
        const other = new Session(database);
        other.send('select 55 from pg_advisory_lock(1);');
        await other.says(/55/);
        session.send('select 88 from pg_advisory_lock(1);');
        const waiting = "select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()";
        await eventually(() => assert.equal(query(database, waiting), '1\n'));
        proxy.set('drop-requests');
        await other.end();
        await session.says(/88/);
        session.send('insert into t values (1) returning 77;');
        await session.isSilent();
        assert.equal(count(), 0);
        await session.end();
    });
    it('that holds gives everything later', async () => {
        await fresh();
        proxy.set('hold');
        session.send('insert into t values (1) returning 77;');
        await session.isSilent();
        assert.equal(count(), 0);
        proxy.set('open');
        await session.says(/77/);
        await session.end();
    });
    it('that delays takes its time, and keeps the order', async () => {
        await fresh();
        proxy.set('delay', 150);
        const begun = performance.now();
        for (let i = 10; i < 20; i++) session.send(`insert into t values (${i}) returning i;`);
        await session.says(/10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n/);
        assert.ok(performance.now() - begun >= 300);
        await session.end();
    });
    it('can be cut', async () => {
        await fresh();
        proxy.cut();
        session.send('select 2;');
        await session.says(/closed|lost|reset/);
        assert.equal(await queryAsync(proxy.url, 'select 1'), '1\n');
        await session.end();
    });
});

describe('a primary and its standby', whose, () => {
    const MODES = { 'drop': 'is gone', 'drop-requests': 'is there' };
    for (const [mode, what] of Object.entries(MODES))
        it(`what waits for the standby behind a proxy in mode ${mode} ${what} after a failover`, async () => {
            const pair = await Pair.start({ proxied: true });
            const url = pair.primary.url('directory');
            await queryAsync(url, 'create table organization (id int, version int)', 'insert into organization values (1, 0), (2, 0)');
            assert.equal(await pair.waitingForStandby(), 0);
            pair.replication.set(mode);
            const lost = assert.rejects(queryAsync(url, 'update organization set version = 1 where id = 2'), /closed/);
            await eventually(async () => assert.equal(await pair.waitingForStandby(), 1));
            if (mode === 'drop-requests') await eventually(async () => assert.ok(await pair.standbyHasAll()));
            await pair.primary.kill();
            await lost;
            await pair.standby.promote();
            const versions = await queryAsync(pair.url, 'select version from organization order by id');
            assert.equal(versions, mode === 'drop' ? '0\n0\n' : '0\n1\n');
            await pair.remove();
        });
    it('who waits for a lock of what waits for the standby is not on the way', async () => {
        const pair = await Pair.start({ proxied: true });
        const url = pair.primary.url('directory');
        await queryAsync(url, 'create table organization (id int, version int)', 'insert into organization values (1, 0), (2, 0)');
        pair.replication.set('drop');
        const first = assert.rejects(queryAsync(url, 'update organization set version = 1 where id = 2'), /closed/);
        await eventually(async () => assert.equal(await pair.waitingForStandby(), 1));
        const second = assert.rejects(queryAsync(url, 'update organization set version = 2 where id = 2'), /closed/);
        const locked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and backend_xid is not null";
        await eventually(async () => assert.equal(await queryAsync(url, locked), '1\n'));
        await eventually(async () => assert.equal(await pair.waitingForStandby(), 1));
        const writer = new Session(url); // who has begun to write, and waits for nobody, is
        writer.send('begin; select 55 from pg_current_xact_id();');
        await writer.says(/55/);
        assert.equal(await pair.waitingForStandby(), 0);
        await pair.primary.kill();
        await Promise.all([first, second]);
        await pair.remove();
    });
    it('after kill -9 and a promotion every commit that was confirmed is there', async () => {
        const primary = await Cluster.start();
        const standby = await primary.standby();
        query(primary.url(), 'create database directory');
        const url = anyOf([primary, standby], 'directory');
        query(url, 'create table t (i int)');
        const confirmed = [];
        let writing = true;
        const writer = (async () => {
            for (let i = 1; writing; i++) {
                try {
                    await queryAsync(url, `insert into t values (${i})`);
                    confirmed.push(i);
                } catch {} // while nobody takes writes
            }
        })();
        await eventually(() => assert.ok(confirmed.length > 3));
        await primary.kill();
        await standby.promote();
        const atPromotion = confirmed.length;
        await eventually(() => assert.ok(confirmed.length > atPromotion + 3));
        writing = false;
        await writer;
        const stored = new Set(query(url, 'select i from t').split('\n').filter(Boolean).map(Number));
        assert.deepEqual(
            confirmed.filter((i) => !stored.has(i)),
            [],
        );
        assert.equal(query(url, "select current_setting('cluster_name')").trim(), standby.directory.split('/').at(-1));
        await primary.remove();
        await standby.remove();
    });
    it('a commit that the standby does not have is not confirmed', async () => {
        const primary = await Cluster.start();
        const standby = await primary.standby();
        query(primary.url(), 'create table t (i int)');
        await standby.kill();
        const session = new Session(primary.url());
        session.send('insert into t values (1) returning 77;');
        await session.isSilent();
        await standby.start();
        await session.says(/77/);
        await session.end();
        await primary.remove();
        await standby.remove();
    });
});

describe('a cluster with TLS', whose, () => {
    it('is reached with TLS only', async () => {
        const cluster = await Cluster.start('--tls');
        const url = cluster.tcpUrl();
        const checked = withParameters(url, { sslmode: 'verify-full', sslrootcert: `${cluster.directory}/root.crt` });
        assert.equal(query(checked, 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'), 't\n');
        await assert.rejects(queryAsync(withParameters(url, { sslmode: 'disable' }), 'select 1'), /no encryption/);
        await cluster.remove();
    });
});
