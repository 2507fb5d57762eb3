// Who may see what and do what: one table, a row for each operation, a column for each kind of caller.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS, ids, members } from './support/bold.mjs';
import { apiKey, bearer, secret, smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

const KEY = { keyId: 'acme-key', secret: 'S3cret-with:colon' };

let roster;
before(async () => {
    const more = [
        apiKey(1, KEY.keyId, KEY.secret),
        apiKey(1, 'reader', 'reader-secret', { rights: ['read'] }),
        bearer(1, secret(50), { expiresAt: '2020-01-01T00:00:00Z' }),
        bearer(1, secret(51), { expiresAt: '2999-01-01T00:00:00Z' }),
        { type: 'credential', organizationId: 1, kind: 'key', secret: 'raw-key-secret', rights: ['read', 'write'] },
        {
            type: 'credential',
            organizationId: 1,
            kind: 'personal-key',
            secret: 'personal-secret',
            userId: 1,
            rights: ['read', 'write'],
        },
    ];
    roster = await serveObjects([...smallWorld(), ...more]);
});
after(() => roster.stop());

describe('who sees which groups', () => {
    const SEEN = {
        service: [1, 2, 3],
        serviceReader: [1, 2, 3],
        ada: [1, 2, 3],
        max: [1, 2],
        maxReader: [1, 2],
        mia: [1, 2],
        nils: [],
    };
    for (const [who, groups] of Object.entries(SEEN)) {
        it(`${who}: ${groups.length ? groups.join(', ') : 'none'}`, async () => {
            const client = roster.as(TOKEN[who]);
            assert.deepEqual(ids(await client.get(GROUPS)), groups);
            for (const id of [1, 2, 3]) {
                const answer = await client.get(`${GROUPS}/${id}`);
                if (groups.includes(id)) assert.equal(answer.status, 200);
                else assertError(answer, 'UserGroupNotFound');
            }
        });
        it(`${who}: search, sort, filter and pages show the same groups only`, async () => {
            const client = roster.as(TOKEN[who]);
            const NAMES = { 1: 'red', 2: 'green', 3: 'blue' };
            assert.deepEqual(ids(await client.get(`${GROUPS}?search=e`)), groups);
            assert.deepEqual(
                ids(await client.get(`${GROUPS}?search=BLUE`)),
                groups.filter((id) => id === 3),
            );
            const byName = [...groups].sort((a, b) => (NAMES[a] < NAMES[b] ? -1 : 1));
            assert.deepEqual(ids(await client.get(`${GROUPS}?sortBy=name`)), byName);
            assert.deepEqual(ids(await client.get(`${GROUPS}?sortBy=name&offset=1&size=1`)), byName.slice(1, 2));
            assert.deepEqual(
                ids(await client.get(`${GROUPS}?userId=3`)),
                groups.filter((id) => id !== 3),
            );
            assert.deepEqual(ids(await client.get(`${GROUPS}?organizationId=1`)), groups);
        });
    }
    it('who sees a group sees its members', async () => {
        for (const who of ['ada', 'max', 'mia'])
            assert.deepEqual(await members(roster.as(TOKEN[who]), 1), [
                [2, true],
                [3, false],
            ]);
    });
});

describe('who may do what', () => {
    const DONE = 200,
        NO = 'Forbidden',
        UNSEEN = 'UserGroupNotFound';

    /* Red (1) is managed by Max, Mia is a member; Blue (3) is seen by administrators only. Each call is one that changes nothing when it is
     * allowed, or is undone by the next one. */
    const CALLS = {
        'create a group': (client) => client.post(GROUPS, { name: `New ${Math.random()}` }),
        'rename a group': (client) => client.put(`${GROUPS}/1`, { name: 'Red' }),
        'change a group': (client) => client.put(`${GROUPS}/1`, { description: 'changed' }),
        'add a member': (client) => client.post(`${GROUPS}/1/users/4`),
        'add several members': (client) => client.post(`${GROUPS}/1/users`, [{ userId: 4 }, { userId: 1 }]),
        'add nobody': (client) => client.post(`${GROUPS}/1/users`, []),
        'make a manager': (client) => client.post(`${GROUPS}/1/users/4?groupAdmin=true`),
        'remove a member': (client) => client.delete(`${GROUPS}/1/users/4`),
        'remove several members': (client) => client.delete(`${GROUPS}/1/users`, [1]),
        'rename a group that only administrators see': (client) => client.put(`${GROUPS}/3`, { name: 'Blue' }),
        'delete a group that does not exist': (client) => client.delete(`${GROUPS}/4711`),
        'add a member to a group that only administrators see': (client) => client.post(`${GROUPS}/3/users/5`),
        'remove a member of a group that only administrators see': (client) => client.delete(`${GROUPS}/3/users/1`),
    };
    const ADMINISTRATOR = {
        'create a group': DONE,
        'rename a group': DONE,
        'change a group': DONE,
        'add a member': DONE,
        'add several members': DONE,
        'add nobody': DONE,
        'make a manager': DONE,
        'remove a member': DONE,
        'remove several members': DONE,
        'rename a group that only administrators see': DONE,
        'delete a group that does not exist': UNSEEN,
        'add a member to a group that only administrators see': DONE,
        'remove a member of a group that only administrators see': DONE,
    };
    const unseen = {
        'rename a group that only administrators see': UNSEEN,
        'delete a group that does not exist': UNSEEN,
        'add a member to a group that only administrators see': UNSEEN,
        'remove a member of a group that only administrators see': UNSEEN,
    };
    const MANAGER = { ...ADMINISTRATOR, 'create a group': NO, 'rename a group': NO, 'change a group': NO, ...unseen };
    const everything = (result) => Object.fromEntries(Object.keys(CALLS).map((call) => [call, result]));
    const MATRIX = {
        service: ADMINISTRATOR,
        ada: ADMINISTRATOR,
        max: MANAGER,
        mia: { ...everything(NO), ...unseen },
        nils: { ...everything(UNSEEN), 'create a group': NO },
        serviceReader: everything(NO),
        maxReader: everything(NO),
    };
    for (const [who, row] of Object.entries(MATRIX)) {
        for (const [call, expected] of Object.entries(row)) {
            it(`${who}: ${call}: ${expected}`, async () => {
                const before = expected === DONE ? null : await roster.export();
                const answer = await CALLS[call](roster.as(TOKEN[who]));
                if (expected === DONE) {
                    assert.equal(answer.status, 200, answer.text);
                } else {
                    assertError(answer, expected);
                    await roster.assertExportIs(before);
                }
            });
        }
    }

    it('only administrators delete groups', async () => {
        const service = roster.as(TOKEN.service);
        const id = (await service.post(GROUPS, { name: 'To delete' })).json;
        await service.post(`${GROUPS}/${id}/users`, [{ userId: 2, groupAdmin: true }, { userId: 3 }]);
        assertError(await roster.as(TOKEN.max).delete(`${GROUPS}/${id}`), 'Forbidden');
        assertError(await roster.as(TOKEN.mia).delete(`${GROUPS}/${id}`), 'Forbidden');
        assertError(await roster.as(TOKEN.nils).delete(`${GROUPS}/${id}`), 'UserGroupNotFound');
        assertError(await roster.as(TOKEN.serviceReader).delete(`${GROUPS}/${id}`), 'Forbidden');
        assert.equal((await roster.as(TOKEN.ada).delete(`${GROUPS}/${id}`)).text, '{}');
    });
    it('a manager of one group does not manage another one', async () =>
        assertError(await roster.as(TOKEN.max).post(`${GROUPS}/2/users/4`), 'Forbidden'));
    it('a manager may give the flag away and then manages no longer', async () => {
        const service = roster.as(TOKEN.service),
            max = roster.as(TOKEN.max);
        assert.equal(
            (
                await max.post(`${GROUPS}/1/users`, [
                    { userId: 3, groupAdmin: true },
                    { userId: 2, groupAdmin: false },
                ])
            ).text,
            '{}',
        );
        assertError(await max.post(`${GROUPS}/1/users/4`), 'Forbidden');
        assert.equal((await roster.as(TOKEN.mia).delete(`${GROUPS}/1/users/4`)).text, '{}');
        await service.post(`${GROUPS}/1/users`, [
            { userId: 2, groupAdmin: true },
            { userId: 3, groupAdmin: false },
        ]);
    });
    it('a manager who leaves sees the group no more', async () => {
        const service = roster.as(TOKEN.service),
            max = roster.as(TOKEN.max);
        assert.equal((await max.delete(`${GROUPS}/1/users/2`)).text, '{}');
        assertError(await max.get(`${GROUPS}/1`), 'UserGroupNotFound');
        assertError(await max.post(`${GROUPS}/1/users/2`), 'UserGroupNotFound');
        await service.post(`${GROUPS}/1/users/2?groupAdmin=true`);
    });
});

describe('credentials', () => {
    const basic = (text) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    const ACCEPTED = {
        'Bearer': { Authorization: `Bearer ${TOKEN.service}` },
        'the word bearer in another letter case': { Authorization: `bearer ${TOKEN.service}` },
        'an API key as Basic; its secret may have a colon': basic(`${KEY.keyId}:${KEY.secret}`),
        'the word basic in another letter case': {
            Authorization: basic(`${KEY.keyId}:${KEY.secret}`).Authorization.replace('Basic', 'BASIC'),
        },
        'a Bold-Client-Token beside it is ignored': { 'Authorization': `Bearer ${TOKEN.service}`, 'Bold-Client-Token': 'x' },
        'one that expires later': { Authorization: `Bearer ${secret(51)}` },
    };
    for (const [what, headers] of Object.entries(ACCEPTED))
        it(`accepted: ${what}`, async () => assert.equal((await roster.as(null).get(GROUPS, { headers })).status, 200));

    const REFUSED = {
        'none': {},
        'empty': { Authorization: '' },
        'the word alone': { Authorization: 'Bearer' },
        'the word and a blank': { Authorization: 'Bearer ' },
        'an unknown token': { Authorization: `Bearer ${secret(999)}` },
        'a token in another letter case than it was given out in': {
            Authorization: 'Bearer 00000000-0000-4000-8000-00000000000A',
        },
        'a part of a token': { Authorization: `Bearer ${TOKEN.service.slice(0, -1)}` },
        'a token and more': { Authorization: `Bearer ${TOKEN.service}x` },
        'two tokens': { Authorization: `Bearer ${TOKEN.service} ${TOKEN.service}` },
        'the token without a word': { Authorization: TOKEN.service },
        'another word': { Authorization: `Token ${TOKEN.service}` },
        'a bearer token as Basic': basic(`x:${TOKEN.service}`),
        'an API key as Bearer': { Authorization: `Bearer ${KEY.secret}` },
        'an API key with the wrong secret': basic(`${KEY.keyId}:wrong`),
        'an API key with another key id': basic(`reader:${KEY.secret}`),
        'an API key without a secret': basic(KEY.keyId),
        'an API key with an empty secret': basic(`${KEY.keyId}:`),
        'Basic that is not base64': { Authorization: 'Basic !!!!' },
        'Basic that is empty': { Authorization: 'Basic ' },
        'an expired one': { Authorization: `Bearer ${secret(50)}` },
        'one of a user who is not active': { Authorization: `Bearer ${TOKEN.ines}` },
        'a key of another kind, as Bearer': { Authorization: 'Bearer raw-key-secret' },
        'a key of another kind, raw': { Authorization: 'raw-key-secret' },
        'a personal key': { Authorization: 'PersonalKey personal-secret' },
        'one of 10 kB': { Authorization: `Bearer ${'x'.repeat(10_000)}` },
    };
    for (const [what, headers] of Object.entries(REFUSED)) {
        it(`refused: ${what}`, async () => {
            const client = roster.as(null);
            assertError(await client.get(GROUPS, { headers }), 'Unauthorized');
            assertError(await client.get(`${GROUPS}/1`, { headers }), 'Unauthorized');
            assertError(await client.post(GROUPS, { name: 'No' }, { headers }), 'Unauthorized');
            assertError(await client.delete(`${GROUPS}/1`, undefined, { headers }), 'Unauthorized');
        });
    }
    it('an API key without the right to write reads, and changes are forbidden', async () => {
        const reader = roster.as({ keyId: 'reader', secret: 'reader-secret' });
        assert.deepEqual(ids(await reader.get(`${GROUPS}?size=3`)), [1, 2, 3]);
        assertError(await reader.post(GROUPS, { name: 'No' }), 'Forbidden');
    });
    it('OPTIONS needs none', async () => {
        for (const path of [GROUPS, `${GROUPS}/1`, `${GROUPS}/1/users`, `${GROUPS}/1/users/2`]) {
            const answer = await roster.as(null).request('OPTIONS', path);
            assert.deepEqual([answer.status, answer.text], [200, '']);
        }
    });
    it('a user who is deleted or made not active is locked out, one made active is let in', async () => {
        const world = [
            { type: 'user', organizationId: 1, id: 61 },
            bearer(1, secret(61), { userId: 61 }),
            { type: 'user', organizationId: 1, id: 62 },
            bearer(1, secret(62), { userId: 62 }),
        ];
        await roster.import(world);
        await roster.restart();
        const first = roster.as(secret(61)),
            second = roster.as(secret(62));
        assert.deepEqual([(await first.get(GROUPS)).status, (await second.get(GROUPS)).status], [200, 200]);
        await roster.import([
            { type: 'user', organizationId: 1, id: 61, delete: true },
            { type: 'user', organizationId: 1, id: 62, active: false },
        ]);
        await roster.restart();
        assertError(await first.get(GROUPS), 'Unauthorized');
        assertError(await second.get(GROUPS), 'Unauthorized');
        await roster.import([{ type: 'user', organizationId: 1, id: 62, active: true }]);
        await roster.restart();
        assert.equal((await second.get(GROUPS)).status, 200);
    });
});
