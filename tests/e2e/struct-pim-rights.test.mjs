// Who may do what through Struct PIM's API: the raw key, permitted operations, who administers and who does not, other
// organizations.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { apiKey, secret, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    assertDone,
    assertNotFound,
    assertProblem,
    assertUnauthorized,
    groupPath,
    GROUPS,
    KEY,
    names,
    rawKey,
    structWorld,
    uid,
} from './support/struct-pim.mjs';

const EXPIRED = 'key-expired',
    FOR_INES = 'key-of-ines';

let roster;
before(async () => {
    roster = await serveObjects([
        ...structWorld(),
        rawKey(1, EXPIRED, { expiresAt: '2020-01-01T00:00:00Z' }),
        rawKey(1, FOR_INES, { userId: 5 }),
        rawKey(1, 'a personal key', { kind: 'personal-key' }),
        apiKey(1, 'key-id', 'of-basic'),
    ]);
});
after(async () => {
    assert.deepEqual(names(await roster.as(KEY.service).get(GROUPS)), ['Red', 'Green', 'Blue']);
    await roster.stop();
});

/* Every operation once, by what a key must be permitted; none of them leaves anything behind when it is refused. */
const OPERATIONS = {
    list: (client) => client.get(GROUPS),
    get: (client) => client.get(groupPath(1)),
    create: (client) => client.post(GROUPS, { Uid: uid(99), Name: 'New' }),
    update: (client) => client.put(GROUPS, { Uid: uid(1), Name: 'Changed' }),
    delete: (client) => client.delete(groupPath(3)),
};
const READS = ['list', 'get'];

describe('credentials', () => {
    it('the key alone is the header, without a word before it', async () => {
        const answer = await roster.as(null).get(GROUPS, { headers: { Authorization: KEY.service.key } });
        assert.equal(answer.status, 200);
    });
    it('one made by roster token works', async () => {
        const { secret } = await roster.createToken('--organization', '1', '--kind', 'key');
        await roster.restart();
        assert.deepEqual(names(await roster.as({ key: secret }).get(GROUPS)), ['Red', 'Green', 'Blue']);
    });

    const REFUSED = {
        'none': {},
        'an empty one': { Authorization: '' },
        'an unknown key': { Authorization: 'nobodys' },
        'a part of a key': { Authorization: KEY.service.key.slice(0, -1) },
        'a key in another letter case': { Authorization: KEY.service.key.toUpperCase() },
        'a key behind Bearer': { Authorization: `Bearer ${KEY.service.key}` },
        'a key behind PersonalKey': { Authorization: `PersonalKey ${KEY.service.key}` },
        'two keys': { Authorization: `${KEY.service.key},${KEY.ada.key}` },
        'a bearer token': { Authorization: `Bearer ${TOKEN.service}` },
        'a bearer token as a key': { Authorization: TOKEN.service },
        'a personal key': { Authorization: 'PersonalKey a personal key' },
        'a personal key as a key': { Authorization: 'a personal key' },
        'Basic': { Authorization: `Basic ${Buffer.from('key-id:of-basic').toString('base64')}` },
        'the secret of an API key': { Authorization: 'of-basic' },
        'an expired key': { Authorization: EXPIRED },
        'one of a user who is not active': { Authorization: FOR_INES },
        'one in another header': { 'X-API-Key': KEY.service.key },
        'a key of 2,000 characters': { Authorization: 'x'.repeat(2000) },
    };
    for (const [what, headers] of Object.entries(REFUSED)) {
        it(`refused: ${what}`, async () => {
            const anybody = roster.as(null);
            const send = (method) => (path, json) => anybody.request(method, path, { json, headers });
            const client = { get: send('GET'), post: send('POST'), put: send('PUT'), delete: send('DELETE') };
            for (const call of Object.values(OPERATIONS)) assertUnauthorized(await call(client));
        });
    }
    it('OPTIONS needs none', async () => {
        for (const [path, allowed] of Object.entries({
            [GROUPS]: 'GET, POST, PUT, OPTIONS',
            [groupPath(1)]: 'GET, DELETE, OPTIONS',
        })) {
            const answer = await roster.as(null).request('OPTIONS', path);
            assert.deepEqual([answer.status, answer.text, answer.header('Allow')], [200, '', allowed]);
        }
    });
    it('a revoked key stops working', async () => {
        const { id, secret } = await roster.createToken('--organization', '1', '--kind', 'key');
        await roster.restart();
        const client = roster.as({ key: secret });
        assert.equal((await client.get(GROUPS)).status, 200);
        await roster.command('token', 'revoke', String(id));
        await roster.restart();
        assertUnauthorized(await client.get(GROUPS));
    });
});

/* A server of its own for each key: what is permitted changes something. */
async function ask(t, more, ...permit) {
    const own = await serveObjects(structWorld());
    t.after(() => own.stop());
    const { secret } = await own.createToken('--organization', '1', '--kind', 'key', ...more, ...permit);
    await own.restart();
    return own.as({ key: secret });
}

async function assertMayOnly(client, permitted) {
    for (const [operation, call] of Object.entries(OPERATIONS)) {
        const answer = await call(client);
        if (!permitted.includes(operation)) assertProblem(answer, 403, 'right');
        else if (READS.includes(operation)) assert.equal(answer.status, 200, operation);
        else assertDone(answer);
    }
}

describe('permitted operations', () => {
    const ALL = Object.keys(OPERATIONS);
    for (const operation of ALL) {
        it(`only ${operation}`, async (t) => assertMayOnly(await ask(t, [], '--permit', operation), [operation]));
        const others = ALL.filter((one) => one !== operation);
        it(`all but ${operation}`, async (t) => assertMayOnly(await ask(t, [], '--permit', others.join(',')), others));
    }
    it('without --permit: all that the rights allow', async (t) => assertMayOnly(await ask(t, ['--rights', 'read,write']), ALL));
    it('with the right to read only: list and get', async (t) => assertMayOnly(await ask(t, ['--rights', 'read']), READS));
    it('permits of a directory file count, too', async (t) => {
        const own = await serveObjects([...structWorld(), rawKey(1, 'k', { permits: ['get', 'delete'] })]);
        t.after(() => own.stop());
        await assertMayOnly(own.as({ key: 'k' }), ['get', 'delete']);
    });
    it('are asked for before anything is looked at', async () => {
        const reader = roster.as(KEY.reader);
        assertProblem(await reader.delete(groupPath(4711)), 403);
        assertProblem(await reader.delete(`${GROUPS}/x`), 403);
        assertProblem(await reader.request('POST', GROUPS, { body: '{' }), 403);
        assertProblem(await reader.request('PUT', GROUPS, { body: '{}', headers: { 'Content-Type': 'text/plain' } }), 403);
    });
});

describe('keys of users', () => {
    it('a super user sees and does everything', async (t) => {
        const own = await serveObjects(structWorld());
        t.after(() => own.stop());
        await assertMayOnly(own.as(KEY.ada), Object.keys(OPERATIONS));
    });
    it('another user sees the groups the user is in now, and changes none', async () => {
        const max = roster.as(KEY.max);
        assert.deepEqual(names(await max.get(GROUPS)), ['Red', 'Green']);
        assert.equal((await max.get(groupPath(1))).json.Name, 'Red');
        assertNotFound(await max.get(groupPath(3)));
        assertNotFound(await max.delete(groupPath(3)));
        assertNotFound(await max.put(GROUPS, { Uid: uid(3), Name: 'Blue' }));
        assertProblem(await max.put(GROUPS, { Uid: uid(1), Name: 'Changed' }), 403, 'administrator');
        assertProblem(await max.delete(groupPath(1)), 403, 'administrator');
        assertProblem(await max.post(GROUPS, { Name: 'New' }), 403, 'administrator');
    });
});

describe('another organization', () => {
    it('is not seen and not touched; what is answered is as for what nobody has', async () => {
        const client = roster.as(KEY.service);
        for (const n of [11, 12, 4711]) {
            assertNotFound(await client.get(groupPath(n)));
            assertNotFound(await client.delete(groupPath(n)));
            assertNotFound(await client.put(GROUPS, { Uid: uid(n), Name: `Group ${n}` }));
        }
        const umbrella = roster.as(KEY.umbrella);
        assert.deepEqual(names(await umbrella.get(GROUPS)), ['Red', 'Black']);
        assertNotFound(await umbrella.get(groupPath(1)));
        assert.deepEqual(names(await client.get(GROUPS)), ['Red', 'Green', 'Blue']);
    });
    it('a token of Bold, Tedee or nobody reaches none of it', async () => {
        for (const credential of [TOKEN.umbrella, { personalKey: 'x' }, { keyId: 'key-id', secret: 'of-basic' }, secret(999)])
            assertUnauthorized(await roster.as(credential).get(GROUPS));
    });
});
