// SIGTERM under load: what was begun is answered whole, the rest is refused, the store is clean. SIGHUP: serves on, with
// new settings.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, GROUPS, ids } from './support/bold.mjs';
import { parseAnswers } from './support/client.mjs';
import { fromLines, smallWorld, TOKEN } from './support/objects.mjs';
import { Roster, serveObjects, sqliteOnly } from './support/roster.mjs';
import { eventually, sleep } from './support/wait.mjs';

describe('SIGTERM', () => {
    it('under load: every request is answered whole or its connection is closed without a byte; what was answered is kept', async () => {
        const roster = await serveObjects(smallWorld());
        const created = new Set();
        let stopping = false,
            answeredWhileStopping = 0;

        /* One client on one connection: creates and reads in turn until the server goes away. Gives the bytes it could not use. */
        const load = (n) =>
            new Promise((resolve) => {
                const socket = roster.connect();
                let text = '',
                    sent = 0;
                const send = () => {
                    const body = JSON.stringify({ name: `client ${n} group ${sent++}` });
                    socket.write(
                        `POST ${GROUPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
                    );
                };
                socket.setEncoding('latin1').on('connect', send);
                socket.on('data', (chunk) => {
                    text += chunk;
                    const length = /content-length: (\d+)\r\n/i.exec(text)?.[1];
                    const end = text.indexOf('\r\n\r\n');
                    if (length === undefined || end < 0 || text.length < end + 4 + Number(length)) return;
                    const [answer] = parseAnswers(text);
                    assert.equal(answer.status, 200, text);
                    created.add(Number(answer.body));
                    if (stopping) answeredWhileStopping++;
                    text = '';
                    send();
                });
                socket.on('error', () => {});
                socket.on('close', () => resolve(text));
            });
        const clients = Array.from({ length: 16 }, (_, n) => load(n));
        await eventually(() => assert.ok(created.size > 16, `${created.size} created`));
        stopping = true;
        await roster.stop();
        const rests = await Promise.all(clients);
        assert.deepEqual(rests, Array(16).fill(''), 'an answer was cut off in the middle');
        const stored = new Set(
            fromLines(await roster.export())
                .filter(({ type }) => type === 'group')
                .map(({ id }) => id),
        );
        assert.deepEqual(
            [...created].filter((id) => !stored.has(id)),
            [],
            'acknowledged and not there',
        );
        await roster.check();
    });
    it('new connections are refused afterwards', async () => {
        const roster = await serveObjects(smallWorld());
        const client = roster.as(TOKEN.service, { keepAlive: false });
        assert.equal((await client.get(GROUPS)).status, 200);
        await roster.stop();
        await assert.rejects(client.get(GROUPS), /ECONNREFUSED/);
    });
    it('does not wait for idle connections, nor for ever for slow ones', async () => {
        const roster = await serveObjects(smallWorld(), ['--shutdown-timeout-s', '1']);
        const idle = roster.as(TOKEN.service);
        await idle.get(GROUPS);
        const slow = roster.connect();
        slow.on('error', () => {});
        slow.write(
            `POST ${GROUPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\nContent-Length: 100\r\n\r\n{`,
        );
        await sleep(50);
        await roster.stop();
        slow.destroy();
    });
    it('SIGINT does the same', async () => {
        const roster = await serveObjects(smallWorld());
        await roster.as(TOKEN.service).get(GROUPS);
        await roster.stop('SIGINT');
    });
    it('at once after the start', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        for (let i = 0; i < 5; i++) {
            await roster.serve();
            await roster.stop();
        }
        await roster.check();
    });
    it('leaves one file: nothing is left over of the journal', sqliteOnly('a journal is what SQLite has'), async () => {
        const roster = await serveObjects(smallWorld());
        await roster.as(TOKEN.service).post(GROUPS, { name: 'New' });
        await roster.stop();
        const { readdirSync, statSync } = await import('node:fs');
        const left = readdirSync(roster.directory).filter(
            (name) => /^roster\.db-(wal|journal)$/.test(name) && statSync(roster.file(name)).size > 0,
        );
        assert.deepEqual(left, []);
    });
});

describe('SIGHUP', () => {
    it('serves on, on the same connection, and takes the new log format', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.file('roster.conf', 'log_format = text\n');
        await roster.serve();
        const client = roster.as(TOKEN.service);
        await client.get(GROUPS);
        roster.file('roster.conf', 'log_format = json\nbody_limit_kib = 1\n');
        roster.child.kill('SIGHUP');
        await eventually(async () => {
            assert.deepEqual(ids(await client.get(GROUPS)), [1, 2, 3]);
            assert.match(roster.log, /^\{"time":.*user-groups/m);
        });
        assertError(await client.put(`${GROUPS}/1`, undefined, { body: '{}'.padEnd(2000) }), 'PayloadTooLarge');
        await roster.stop();
    });
    it('with a bad file keeps the old settings and says what is wrong', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.file('roster.conf', 'log_format = text\n');
        await roster.serve();
        roster.file('roster.conf', 'log_format = json\ncolour = red\n');
        roster.child.kill('SIGHUP');
        await eventually(() => assert.match(roster.log, /roster\.conf:2.*colour/));
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        await roster.stop();
        assert.doesNotMatch(roster.log, /^\{/m);
    });
    it('says which settings wait for the next start', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.file('roster.conf', 'log_format = text\npassbolt.profile = 2\n');
        await roster.serve();
        roster.file('roster.conf', 'log_format = json\npassbolt.profile = 5\n');
        roster.child.kill('SIGHUP');
        await eventually(() => assert.match(roster.log, /settings reloaded/));
        const warnings = roster.log.split('\n').filter((line) => line.includes('takes effect at the next start'));
        assert.equal(warnings.length, 1, roster.log);
        assert.match(warnings[0], /passbolt\.profile is another now/);
        await roster.stop();
    });
    it('many of them under load harm nobody', async () => {
        const roster = await serveObjects(smallWorld());
        const client = roster.as(TOKEN.service);
        for (let i = 0; i < 100; i++) {
            if (i % 5 === 0) roster.child.kill('SIGHUP');
            assert.equal((await client.put(`${GROUPS}/1`, { description: `round ${i}` })).text, '1');
        }
        await roster.stop();
    });
});
