// A server that is started while its database does not answer: it listens, says that nothing can be sent to it yet, and begins to serve
// when the database is there. On PostgreSQL the network is cut; on SQLite another process holds the file.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ids, GROUPS } from './support/bold.mjs';
import { holdFile } from './support/hold.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import { Proxy } from './support/proxy.mjs';
import { ENGINE, listRoutes, Roster } from './support/roster.mjs';
import { eventually, timed } from './support/wait.mjs';

const REASON = { sqlite: 'another process holds the database', postgres: 'cannot connect to the database: ' }[ENGINE];

const proxies = [];
after(() => Promise.all(proxies.map((proxy) => proxy.close())));

/* A Roster with objects whose database is away until `back()`. */
async function rosterWithout(objects) {
    const roster = new Roster();
    await roster.import(objects);
    if (ENGINE === 'sqlite') return { roster, back: await holdFile(roster.store.slice('sqlite:'.length)) };
    const proxy = await Proxy.open(roster.store);
    proxies.push(proxy);
    roster.store = proxy.url;
    proxy.set('refuse');
    return { roster, back: () => proxy.set('open') };
}

/* Of SQLite it is how long each attempt takes; PostgreSQL refuses at once, and a busy machine may need longer for an answer. */
const SOON = ENGINE === 'sqlite' ? ['--busy-limit-ms', '100'] : [];

describe('a server that is started while its database is away', () => {
    let roster, back, ready;
    before(async () => {
        ({ roster, back } = await rosterWithout(smallWorld()));
        roster.file('roster.conf', 'at_least_wait_ms = 60000\n');
        ready = await roster.serveEarly(SOON);
    });
    after(() => roster.stop());
    const ask = async (path) => {
        const { status, json } = await roster.as(null).get(path);
        return [status, json];
    };

    it('lives, and is not ready', async () => {
        assert.deepEqual(await ask('/healthz'), [200, { status: 'ok' }]);
        const starting = { status: 'starting', reason: 'the database does not answer yet: nothing is in memory' };
        assert.deepEqual(await ask('/readyz'), [503, starting]);
        assert.deepEqual(await ask('/readyz?strict=1'), [503, starting]);
        assert.equal((await roster.as(null).get('/metrics')).status, 200);
    });
    it('answers every other route with 503, whoever asks', async () => {
        for (const { api, method, pattern } of await listRoutes()) {
            if (api === 'system') continue;
            const path = pattern.replaceAll(/\{\w+\}/g, '1');
            for (const credential of [TOKEN.service, null]) {
                const answer = await roster.as(credential).request(method, path, { undescribed: 'ids are not of the form they have' });
                assert.equal(answer.status, 503, `${method} ${path}: ${answer.text}`);
                assert.equal(answer.header('Retry-After'), '1');
            }
        }
        const { json } = await roster.as(TOKEN.service).get(GROUPS);
        assert.equal(json.message, 'this node has just been started and waits for the database');
    });
    it('says once why it waits, and how long at most', () => {
        const lines = roster.log.split('\n').filter((line) => line.includes('trying again for up to 60 s'));
        assert.equal(lines.length, 1, roster.log);
        assert.ok(lines[0].includes(REASON), lines[0]);
    });
    it('reloads its settings', async () => {
        roster.file('roster.conf', 'at_least_wait_ms = 0\n');
        roster.child.kill('SIGHUP');
        await eventually(() => assert.match(roster.log, /settings reloaded/));
    });
    it('serves on the same address once the database answers', async () => {
        await back();
        assert.equal(await ready(), roster.url);
        assert.match(roster.log, /the database answers\n/);
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        assert.deepEqual(await ask('/readyz'), [200, { status: 'ready' }]);
        assert.match((await roster.as(null).get('/metrics')).text, /^roster_organizations 2$/m);
    });
    it('serves with the settings that it reloaded meanwhile', async () => {
        const later = { headers: { 'Roster-At-Least': '1000000' } };
        const took = await timed(async () => assert.equal((await roster.as(TOKEN.service).get(GROUPS, later)).status, 503));
        assert.ok(took < 30_000, `${took} ms`);
    });
});

describe('how long it is waited for', () => {
    const end = ({ code, signal }) => [code, signal];
    it('SIGTERM ends the waiting', async () => {
        const { roster, back } = await rosterWithout(smallWorld());
        await roster.serveEarly(SOON);
        await roster.stop(); // expects 0
        assert.match(roster.log, /stopping on Terminated\n$/);
        await back();
    });
    it('start_wait_s ends it with 1 and the reason', async () => {
        const { roster, back } = await rosterWithout(smallWorld());
        await roster.serveEarly([...SOON, '--start-wait-s', '1']);
        assert.deepEqual(end(await roster.ended), [1, null]);
        assert.ok(roster.log.trimEnd().split('\n').at(-1).startsWith(`roster: ${REASON}`), roster.log);
        await back();
    });
    it('with 0 it is not waited for', async () => {
        const { roster, back } = await rosterWithout(smallWorld());
        const took = await timed(() => assert.rejects(roster.begin([...SOON, '--start-wait-s', '0']), /ended at once \(1\)/));
        assert.ok(took < 30_000);
        assert.ok(roster.log.startsWith(`roster: ${REASON}`), roster.log);
        await back();
    });
    it('what waiting does not mend is told at once', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.query('UPDATE installation SET schema_version = 99');
        await assert.rejects(roster.begin(), /ended at once \(1\)/);
        assert.match(roster.log, /^roster: the database was written by a newer Roster \(schema 99, this one knows \d+\)\n$/);
    });
    it('so is a database that PostgreSQL does not have', { skip: ENGINE !== 'postgres' && 'SQLite makes it' }, async () => {
        const roster = new Roster();
        const store = roster.store.replace(/\/[^/?]+(?=\?|$)/, '/nowhere');
        const took = await timed(async () => {
            const { code, stderr } = await roster.run(['serve', '--store', store, '--listen', '127.0.0.1:0']);
            assert.equal(code, 1);
            assert.match(stderr, /^roster: cannot connect to the database: [^\n]*database "nowhere" does not exist\n$/);
        });
        assert.ok(took < 30_000); // of start_wait_s, which is 60
    });
    it('a port that is taken is told at once, too', async () => {
        const { roster, back } = await rosterWithout(smallWorld());
        await roster.serveEarly(SOON);
        const { host, port } = roster.endpoint;
        const { code, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', `${host}:${port}`, ...SOON]);
        assert.equal(code, 1);
        assert.match(stderr, /in use/);
        await roster.stop();
        await back();
    });
});
