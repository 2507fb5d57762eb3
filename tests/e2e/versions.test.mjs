// What clients see of several nodes: Roster-Version in answers, Roster-At-Least in requests, in all four APIs. Two servers on one
// file follow each other so seldom here that nothing is seen in time unless it is asked for.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { exchange } from './support/client.mjs';
import { group, smallWorld, TOKEN } from './support/objects.mjs';
import { passboltWorld, userId, withCredential } from './support/passbolt.mjs';
import { Roster, serveObjects } from './support/roster.mjs';
import { rawKey, uid, GROUPS as STRUCT_GROUPS } from './support/struct-pim.mjs';
import { groups as tedeeGroups } from './support/tedee.mjs';
import { eventually } from './support/wait.mjs';

const KEY = 'key-of-ada';
const WORLD = [...passboltWorld({}), rawKey(1, KEY, { userId: 1 })];
const FAR = '9223372036854775807';

/* In each API: who asks, how a group is made (its path is returned), what is read, and how an error is told. */
const APIS = {
    'Bold': {
        as: (roster) => roster.as(TOKEN.ada),
        list: GROUPS,
        missing: `${GROUPS}/4711`,
        make: (client, n, options) => client.post(GROUPS, { name: `bold ${n}` }, options),
        pathOf: (answer) => `${GROUPS}/${answer.json}`,
        change: (client, path, name, options) => client.put(path, { name }, options),
        told: (answer) => answer.json.message,
    },
    'Tedee': {
        as: (roster) => roster.as(TOKEN.ada),
        list: tedeeGroups(),
        missing: `${tedeeGroups()}/${uid(4711)}`,
        make: (client, n, options) => client.post(tedeeGroups(), { name: `tedee ${n}` }, options),
        pathOf: (answer) => `${tedeeGroups()}/${answer.json.result.id}`,
        change: (client, path, name, options) => client.patch(path, { name }, options),
        told: (answer) => answer.json.errorMessages[0],
    },
    'Struct PIM': {
        as: (roster) => roster.as({ key: KEY }),
        list: STRUCT_GROUPS,
        missing: `${STRUCT_GROUPS}/${uid(4711)}`,
        make: (client, n, options) => client.post(STRUCT_GROUPS, { Uid: uid(1000 + n), Name: `struct ${n}` }, options),
        pathOf: (answer, n) => `${STRUCT_GROUPS}/${uid(1000 + n)}`,
        change: (client, path, name, options) => client.put(STRUCT_GROUPS, { Uid: path.split('/').pop(), Name: name }, options),
        told: (answer) => answer.json.Detail ?? answer.json.errors['Roster-At-Least'][0],
    },
    'Passbolt': {
        as: (roster) => withCredential(roster, TOKEN.ada),
        list: '/groups.json',
        missing: `/groups/${uid(4711)}.json`,
        make: (client, n, options) => {
            const body = { name: `passbolt ${n}`, groups_users: [{ user_id: userId(1), is_admin: true }] };
            return client.post('/groups.json', body, options);
        },
        pathOf: (answer) => `/groups/${answer.json.body.id}.json`,
        change: (client, path, name, options) => client.put(path, { name }, options),
        told: (answer) => answer.json.header.message,
    },
};

const versionOf = (answer) => {
    assert.match(answer.header('Roster-Version') ?? 'no Roster-Version', /^\d+$/);
    return Number(answer.header('Roster-Version'));
};
const atLeast = (version) => ({ headers: { 'Roster-At-Least': String(version) } });
const good = (answer) => {
    assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
    return answer;
};

/* A second server on the file of the first. */
async function serveBeside(roster, settings = []) {
    const second = new Roster();
    second.store = roster.store;
    return second.serve(settings);
}

describe('an answer tells the version that it shows', () => {
    let roster;
    before(async () => (roster = await serveObjects(WORLD)));
    after(() => roster.stop());

    for (const [name, api] of Object.entries(APIS)) {
        it(`${name}: after a write the one that it made, then the same until the next`, async () => {
            const client = api.as(roster);
            const first = versionOf(good(await client.get(api.list)));
            const made = good(await api.make(client, 1));
            assert.equal(versionOf(made), first + 1);
            const path = api.pathOf(made, 1);
            assert.equal(versionOf(good(await client.get(path))), first + 1);
            assert.equal(versionOf(good(await api.change(client, path, `${name} changed`))), first + 2);
            assert.equal(versionOf(good(await api.change(client, path, `${name} changed`))), first + 2); // nothing to change
            assert.equal(versionOf(await client.get(api.missing)), first + 2); // not found in that version
            assert.equal(versionOf(good(await client.delete(path))), first + 3);
            assert.equal(versionOf(good(await client.get(api.list))), first + 3);
        });
        it(`${name}: nothing is stale, and nobody is told who has no business here`, async () => {
            const client = api.as(roster);
            const answers = [
                await client.get(api.list),
                await client.request('OPTIONS', api.list),
                await roster.as(null).get(api.list),
            ];
            for (const answer of answers) assert.equal(answer.header('Roster-Stale'), undefined);
            for (const answer of answers.slice(1)) assert.equal(answer.header('Roster-Version'), undefined);
        });
    }
    it('organizations have versions of their own', async () => {
        const theirs = versionOf(await roster.as(TOKEN.umbrella).get(GROUPS));
        await APIS.Bold.make(roster.as(TOKEN.ada), 2);
        assert.equal(versionOf(await roster.as(TOKEN.umbrella).get(GROUPS)), theirs);
    });
    it('what anybody may ask tells none and waits for none', async () => {
        const answer = await roster.as(null).get('/settings.json', atLeast(FAR));
        assert.equal(answer.status, 200);
        assert.equal(answer.header('Roster-Version'), undefined);
    });
});

describe('what was seen on one node is seen on the other', () => {
    const ROUNDS = 500;
    let nodes;
    before(async () => {
        const first = await serveObjects(WORLD, ['--follow-interval-ms', '60000']);
        nodes = [first, await serveBeside(first, ['--follow-interval-ms', '60000'])];
    });
    after(async () => {
        for (const node of nodes) await node.stop();
    });

    for (const [name, api] of Object.entries(APIS)) {
        it(`${name}: ${ROUNDS} times a group is made here and read there`, async () => {
            const clients = nodes.map((node) => api.as(node));
            for (let i = 0; i < ROUNDS; i++) {
                const [here, there] = i % 2 ? clients : [...clients].reverse();
                const made = good(await api.make(here, 10 + i));
                const version = versionOf(made);
                const read = await there.get(api.pathOf(made, 10 + i), atLeast(version));
                assert.equal(read.status, 200, `round ${i}: ${read.text}`);
                assert.ok(versionOf(read) >= version);
            }
        });
        it(`${name}: a rule sees what was seen`, async () => {
            const [here, there] = nodes.map((node) => api.as(node));
            const path = api.pathOf(good(await api.make(here, 5)), 5);
            const version = versionOf(good(await api.change(here, path, `${name} before`)));
            assert.equal(versionOf(good(await api.change(there, path, `${name} before`, atLeast(version)))), version);
            assert.equal(versionOf(good(await api.change(there, path, `${name} after`, atLeast(version)))), version + 1);
        });
    }
    it('many at once, over each other: never an older version, never a refusal', async () => {
        const clients = nodes.map((node) => APIS.Bold.as(node));
        let seen = 0;
        const chase = async (k) => {
            for (let i = 0; i < 100; i++) {
                const asked = seen;
                const client = clients[(i + k) % 2];
                const answer =
                    i % 10 === 0
                        ? await APIS.Bold.make(client, `${k}-${i}`, atLeast(asked))
                        : await client.get(`${GROUPS}?size=1`, atLeast(asked));
                assert.equal(answer.status, 200, answer.text);
                assert.ok(versionOf(answer) >= asked, `${versionOf(answer)} is older than ${asked}`);
                seen = Math.max(seen, versionOf(answer));
            }
        };
        await Promise.all(Array.from({ length: 12 }, (_, k) => chase(k)));
    });
    it('what an import beside them made', async () => {
        const [here] = nodes.map((node) => APIS.Bold.as(node));
        const before = versionOf(await here.get(GROUPS));
        await nodes[0].import([group(1, 90_000, 'Imported')]);
        const answer = await here.get(`${GROUPS}/90000`, atLeast(before + 1));
        assert.equal(answer.status, 200, answer.text);
    });
    it('and without it the other node would not have known', async () => {
        const [here, there] = nodes.map((node) => APIS.Bold.as(node));
        let n = 0;
        await eventually(async () => { // it may just have been told, or have looked
            const made = good(await APIS.Bold.make(here, `unheard of ${n++}`));
            assert.equal((await there.get(APIS.Bold.pathOf(made))).status, 404);
        });
    });
});

describe('a version that nobody has made', () => {
    for (const [name, api] of Object.entries(APIS)) {
        it(`${name}: 503 once the time is up, in its own form`, async () => {
            const roster = await serveObjects(WORLD, ['--at-least-wait-ms', '200']);
            const client = api.as(roster);
            const version = versionOf(await client.get(api.list));
            const expected = new RegExp(`this node has version ${version} of the organization, not yet version ${FAR}`, 'i');
            for (const ask of [() => client.get(api.list, atLeast(FAR)), () => api.make(client, 1, atLeast(FAR))]) {
                const begun = performance.now();
                const answer = await ask();
                assert.equal(answer.status, 503);
                assert.ok(performance.now() - begun >= 199);
                assert.equal(answer.header('Retry-After'), '1');
                assert.match(api.told(answer), expected);
                assert.equal(versionOf(answer), version);
            }
            assert.equal(versionOf(await client.get(api.list)), version); // nothing was made
            await roster.stop();
        });
    }
    it('who is not of the organization any more is not told which there is', async () => {
        const roster = await serveObjects(WORLD, ['--at-least-wait-ms', '0']);
        await roster.import([{ type: 'user', organizationId: 1, id: 1, active: false }]);
        await eventually(async () => assert.equal((await roster.as(TOKEN.ada).get(GROUPS)).status, 401));
        const answer = await roster.as(TOKEN.ada).get(GROUPS, atLeast(FAR));
        assert.deepEqual([answer.status, answer.header('Roster-Version')], [401, undefined]);
        await roster.stop();
    });
    it('is answered as soon as it is made', async () => {
        const roster = await serveObjects(WORLD, ['--at-least-wait-ms', '60000']);
        const client = APIS.Bold.as(roster);
        const next = versionOf(await client.get(GROUPS)) + 1;
        const waiting = client.get(`${GROUPS}?size=1`, atLeast(next));
        const made = APIS.Bold.make(client, 1);
        assert.equal(versionOf(good(await made)), next);
        assert.equal(versionOf(good(await waiting)), next);
        await roster.stop();
    });
    it('holds up nobody else: half of the workers wait, who comes then is refused at once', async () => {
        const WRITES = 50,
            WORKERS = 4,
            REQUESTS = 31; // 29 is no multiple of 4: if all workers waited, in turns, there would never be 2 left
        const roster = await serveObjects(WORLD, ['--at-least-wait-ms', '60000', '--workers', String(WORKERS)]);
        const client = APIS.Bold.as(roster);
        const last = versionOf(await client.get(GROUPS)) + WRITES + 1;
        let pending = 0;
        const waiting = Array.from({ length: REQUESTS }, async () => {
            pending++;
            const answer = await client.get(GROUPS, atLeast(last));
            pending--;
            return answer;
        });
        await eventually(() => assert.equal(pending, WORKERS / 2)); // the others were answered, long before the time is up
        for (let i = 0; i < WRITES; i++) {
            good(await client.get(GROUPS));
            good(await APIS.Bold.make(client, i));
            good(await roster.as(TOKEN.umbrella).get(GROUPS));
        }
        assert.equal(pending, WORKERS / 2); // as before: nobody had to wait until the time of those was up
        good(await APIS.Bold.make(client, WRITES)); // what they wait for
        const answers = await Promise.all(waiting);
        const refused = answers.filter(({ status }) => status === 503);
        assert.equal(refused.length, REQUESTS - WORKERS / 2);
        for (const answer of refused) assert.equal(answer.header('Retry-After'), '1');
        for (const answer of answers.filter((one) => !refused.includes(one))) assert.equal(versionOf(good(answer)), last);
        await roster.stop();
    });
    it('does not hold up the end of the server', async () => {
        const roster = await serveObjects(WORLD, ['--at-least-wait-ms', '60000', '--shutdown-timeout-s', '30']);
        await roster.as(TOKEN.ada).get(GROUPS);
        const lines = [`GET ${GROUPS} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${TOKEN.ada}`, `Roster-At-Least: ${FAR}`, '', ''];
        const waiting = exchange(roster, lines.join('\r\n'));
        await new Promise((resolve) => setTimeout(resolve, 300)); // it waits by then; if not, it is refused all the same
        const begun = performance.now();
        await roster.stop();
        assert.ok(performance.now() - begun < 20_000);
        const { text } = await waiting;
        assert.match(text, /^HTTP\/1\.1 503 /);
    });
    it('the time is a setting that SIGHUP changes', async () => {
        const roster = new Roster();
        await roster.import(WORLD);
        const file = roster.file('roster.conf', 'at_least_wait_ms = 60000\n');
        await roster.serve(['--config', file]);
        const client = APIS.Bold.as(roster);
        await client.get(GROUPS);
        roster.file('roster.conf', 'at_least_wait_ms = 0\n');
        roster.child.kill('SIGHUP');
        while (!roster.log.includes('settings reloaded')) await new Promise((resolve) => setTimeout(resolve, 5));
        assert.equal((await client.get(GROUPS, atLeast(FAR))).status, 503);
        await roster.stop();
    });
});

describe('what is no version', () => {
    const BAD = ['-1', '+1', '1.5', '0x7', '9223372036854775808', 'seven', '1, 2', '1 2', '""'];
    let roster;
    before(async () => (roster = await serveObjects(WORLD)));
    after(() => roster.stop());

    for (const [name, api] of Object.entries(APIS)) {
        it(`${name}: 400 in its own form, and nothing is changed`, async () => {
            const client = api.as(roster);
            const version = versionOf(await client.get(api.list));
            for (const bad of BAD) {
                for (const answer of [await client.get(api.list, atLeast(bad)), await api.make(client, 1, atLeast(bad))]) {
                    assert.equal(answer.status, 400, bad);
                    assert.match(api.told(answer), /^Roster-At-Least must be a whole number from 0 to 9223372036854775807/);
                }
            }
            const twice = await client.get(api.list, { headers: { 'Roster-At-Least': ['0', '0'] } });
            assert.equal(twice.status, 400);
            assert.match(api.told(twice), /^Roster-At-Least was sent twice/);
            assert.equal(versionOf(await client.get(api.list)), version);
        });
        it(`${name}: the smallest is none`, async () => good(await api.as(roster).get(api.list, atLeast(0))));
    }
});

describe('while the database does not answer', () => {
    let roster, version;
    /* The table that following reads is away for a while: nobody can be asked what others did, and nothing can be kept. */
    const reason = 'the database does not answer: reads are answered from memory, writes are refused';
    before(async () => {
        roster = await serveObjects(WORLD, ['--at-least-wait-ms', '60000']);
        version = versionOf(await roster.as(TOKEN.ada).get(GROUPS));
        roster.query('alter table change rename to hidden');
        await eventually(async () => assert.equal((await roster.as(null).get('/readyz')).json.status, 'degraded'));
    });
    after(() => roster.stop());

    for (const [name, api] of Object.entries(APIS)) {
        it(`${name}: reads are answered from memory and say so`, async () => {
            const client = api.as(roster);
            const answers = [
                await client.get(api.list),
                await client.get(api.list, atLeast(version)),
                await client.get(api.missing),
            ];
            for (const answer of answers) {
                assert.ok([200, 404].includes(answer.status), answer.text);
                assert.equal(answer.header('Roster-Stale'), 'true');
                assert.equal(versionOf(answer), version);
            }
        });
        it(`${name}: writes, and reads of what is not here yet, are 503 at once`, async () => {
            const client = api.as(roster);
            const refused = [
                [await api.make(client, 1), /^the database does not answer, nothing was changed/i],
                [await client.get(api.list, atLeast(version + 1)), /^this node has version/i],
            ];
            for (const [answer, expected] of refused) {
                assert.equal(answer.status, 503);
                assert.equal(answer.header('Retry-After'), '1');
                assert.match(api.told(answer), expected);
            }
        });
    }
    it('/readyz keeps the node for reads, unless it is asked strictly; /healthz is well', async () => {
        const ask = async (path) => {
            const { status, json } = await roster.as(null).get(path);
            return [status, json];
        };
        assert.deepEqual(await ask('/readyz'), [200, { status: 'degraded', reason }]);
        assert.deepEqual(await ask('/readyz?strict=0'), [200, { status: 'degraded', reason }]);
        assert.deepEqual(await ask('/readyz?strict=1'), [503, { status: 'degraded', reason }]);
        assert.deepEqual(await ask('/healthz'), [200, { status: 'ok' }]);
        assert.match((await roster.as(null).get('/metrics')).text, /^roster_degraded 1$/m);
    });
    it('and once it answers again, everything is as before', async () => {
        roster.query('alter table hidden rename to change');
        await eventually(async () => assert.equal((await roster.as(null).get('/readyz')).json.status, 'ready'));
        for (const [, api] of Object.entries(APIS)) {
            const client = api.as(roster);
            const made = good(await api.make(client, 1));
            assert.equal(versionOf(made), ++version);
            const read = good(await client.get(api.list, atLeast(version)));
            assert.equal(read.header('Roster-Stale'), undefined);
        }
        await roster.check();
    });
});

describe('/readyz', () => {
    let roster;
    before(async () => (roster = await serveObjects(smallWorld())));
    after(() => roster.stop());
    const client = () => roster.as(null);

    it('says ready, strictly or not', async () => {
        for (const query of ['', '?strict=0', '?strict=1'])
            assert.deepEqual((await client().get(`/readyz${query}`)).json, { status: 'ready' });
    });
    it('knows only 0 and 1', async () => assert.equal((await client().get('/readyz?strict=2')).status, 400));
    it('and the gauges beside it', async () => {
        await eventually(async () => assert.match((await client().get('/metrics')).text, /^roster_follow_info\{by="[^"]+"\} 1$/m));
        const { text } = await client().get('/metrics');
        const quiet = ['degraded 0', 'database_reachable 1', 'database_reconnects_total 0', 'organizations_behind 0'];
        for (const line of quiet) assert.match(text, new RegExp(`^roster_${line}$`, 'm'));
        const [, age] = /^roster_follow_age_seconds (\S+)$/m.exec(text);
        assert.ok(Number(age) < 30, age);
    });
});
