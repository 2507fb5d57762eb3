// Commands beside a running server, on the same file: the server follows what they commit, and nobody's change is lost.
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { assertError, GROUPS, ids, members, shownGroup, assertJson } from './support/bold.mjs';
import {
    account,
    bearer,
    fromLines,
    group,
    membership,
    organization,
    secret,
    smallWorld,
    TOKEN,
    user,
} from './support/objects.mjs';
import { Roster, serveObjects } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

let roster, client;
beforeEach(async () => {
    await roster?.stop();
    roster = await serveObjects(smallWorld());
    client = roster.as(TOKEN.service);
    await client.get(GROUPS); // the image is in memory: what is imported now must be followed
});
after(() => roster.stop());

describe('import beside a running server is seen', () => {
    const shown = (id) => client.get(`${GROUPS}/${id}`);
    it('a new group, and its place in lists, searches and sorted pages', async () => {
        await roster.import([group(1, 77, 'Aardvark')]);
        await eventually(async () => assertJson(await shown(77), shownGroup(group(1, 77, 'Aardvark'))));
        assert.deepEqual(ids(await client.get(GROUPS)), [1, 2, 3, 77]);
        assert.deepEqual(ids(await client.get(`${GROUPS}?search=AARD`)), [77]);
        assert.deepEqual(ids(await client.get(`${GROUPS}?sortBy=name&size=1`)), [77]);
    });
    it('a changed one', async () => {
        await roster.import([{ type: 'group', organizationId: 1, id: 1, name: 'Rot', description: 'neu' }]);
        await eventually(async () =>
            assert.deepEqual([(await shown(1)).json.name, (await shown(1)).json.description], ['Rot', 'neu']),
        );
    });
    it('a deleted one', async () => {
        await roster.import([{ type: 'group', organizationId: 1, id: 1, delete: true }]);
        await eventually(async () => assertError(await shown(1), 'UserGroupNotFound'));
    });
    it('a deleted one that comes back', async () => {
        await roster.import([{ type: 'group', organizationId: 1, id: 1, delete: true }]);
        await eventually(async () => assertError(await shown(1), 'UserGroupNotFound'));
        await roster.import([{ type: 'group', organizationId: 1, id: 1, name: 'Red' }]);
        await eventually(async () =>
            assert.deepEqual(await members(client, 1), [
                [2, true],
                [3, false],
            ]),
        );
    });
    it('members added, changed and removed', async () => {
        await roster.import([
            membership(1, 1, 4),
            membership(1, 1, 3, { manager: true }),
            { type: 'membership', organizationId: 1, groupId: 1, userId: 2, delete: true },
        ]);
        await eventually(async () =>
            assert.deepEqual(await members(client, 1), [
                [3, true],
                [4, false],
            ]),
        );
        assertError(await roster.as(TOKEN.max).get(`${GROUPS}/1`), 'UserGroupNotFound');
    });
    it('a user who becomes a super user sees everything', async () => {
        const nils = roster.as(TOKEN.nils);
        assert.deepEqual(ids(await nils.get(GROUPS)), []);
        await roster.import([{ type: 'user', organizationId: 1, id: 4, superUser: true }]);
        await eventually(async () => assert.deepEqual(ids(await nils.get(GROUPS)), [1, 2, 3]));
    });
    it('a user who is deleted is out of the groups, and locked out', async () => {
        await roster.import([{ type: 'user', organizationId: 1, id: 3, delete: true }]);
        await eventually(async () => assertError(await roster.as(TOKEN.mia).get(GROUPS), 'Unauthorized'));
        await eventually(async () => assert.deepEqual(await members(client, 1), [[2, true]]));
    });
    it('an account: the names in the members follow', async () => {
        const account1 = async () => (await client.get(`${GROUPS}/1?includeUsers=true`)).json.users[0].account;
        await roster.import([account(70, { firstName: 'Max' }), { type: 'user', organizationId: 1, id: 2, accountId: 70 }]);
        await eventually(async () => assert.deepEqual(await account1(), { id: 70, firstName: 'Max' }));
        await roster.import([account(70, { firstName: 'Maximilian', lastName: 'M.' })]);
        await eventually(async () => assert.deepEqual(await account1(), { id: 70, firstName: 'Maximilian', lastName: 'M.' }));
    });
    it('a new organization is served, with its credential', async () => {
        await roster.import([
            organization(3, 'New'),
            user(3, 31),
            group(3, 31, 'Theirs'),
            membership(3, 31, 31),
            bearer(3, secret(33)),
        ]);
        await eventually(async () => assert.deepEqual(ids(await roster.as(secret(33)).get(GROUPS)), [31]));
        assert.deepEqual(ids(await client.get(GROUPS)), [1, 2, 3]);
    });
    it('an organization that is deleted is served no longer', async () => {
        const theirs = roster.as(TOKEN.umbrella);
        assert.deepEqual(ids(await theirs.get(GROUPS)), [11, 12]);
        await roster.import([{ type: 'organization', id: 2, delete: true }]);
        await eventually(async () => assertError(await theirs.get(GROUPS), 'Unauthorized'));
        assert.deepEqual(ids(await client.get(GROUPS)), [1, 2, 3]);
    });
    it('names need not be unique any more', async () => {
        await roster.import([{ type: 'organization', id: 1, name: 'Acme', uniqueGroupNames: false }]);
        await eventually(async () => assert.equal((await client.post(GROUPS, { name: 'Red' })).status, 200));
    });
    it('and after all of it the database is in order', async () => {
        await roster.import([group(1, 78, 'One more')]);
        await client.post(GROUPS, { name: 'And one' });
        await roster.check();
    });
});

describe('both write at once', () => {
    it('writes through the API and imports beside it: all are kept, none fails', async () => {
        const API_WRITES = 150,
            IMPORTS = 12;
        const importedId = (i) => 100_000 - i; // falling: the numbers that the server gives rise from the highest known one
        const created = [];
        const api = (async () => {
            for (let i = 0; i < API_WRITES; i++) {
                const answer = await client.post(GROUPS, { name: `api ${i}` });
                assert.equal(answer.status, 200, answer.text);
                created.push(answer.json);
            }
        })();
        const imports = (async () => {
            for (let i = 0; i < IMPORTS; i++)
                await roster.import([group(1, importedId(i), `import ${i}`), membership(1, importedId(i), 3)]);
        })();
        await Promise.all([api, imports]);
        const expected = [1, 2, 3, ...created, ...Array.from({ length: IMPORTS }, (_, i) => importedId(i))].sort((a, b) => a - b);
        const all = async () => [
            ...ids(await client.get(`${GROUPS}?size=100`)),
            ...ids(await client.get(`${GROUPS}?size=100&offset=100`)),
        ];
        await eventually(async () => assert.deepEqual(await all(), expected));
        const exported = fromLines(await roster.export()).filter(
            ({ type, organizationId }) => type === 'group' && organizationId === 1,
        );
        assert.deepEqual(
            exported.map(({ id }) => id),
            expected,
        );
        await roster.check();
    });
    it('a name taken by an import a moment ago is refused', async () => {
        await roster.import([group(1, 79, 'Contested')]);
        assertError(await client.post(GROUPS, { name: 'contested' }), 'UserGroupNameTaken');
    });
    it('members of a user deleted by an import a moment ago cannot be added', async () => {
        await roster.import([{ type: 'user', organizationId: 1, id: 4, delete: true }]);
        assertError(await client.post(`${GROUPS}/1/users/4`), 'GroupAndUserNotInSameAccount');
    });
    it('two servers on one file see each other', async () => {
        const second = new Roster();
        second.store = roster.store;
        await second.serve();
        try {
            const other = second.as(TOKEN.service);
            for (let i = 0; i < 10; i++) {
                const [here, there] = i % 2 ? [client, other] : [other, client];
                const { json: id } = await here.post(GROUPS, { name: `Shared ${i}` });
                await eventually(async () => assert.equal((await there.get(`${GROUPS}/${id}`)).status, 200));
                assert.equal((await there.post(`${GROUPS}/${id}/users/3`)).text, '{}');
                await eventually(async () => assert.deepEqual(await members(here, id), [[3, false]]));
            }
            assertError(await other.post(GROUPS, { name: 'SHARED 9' }), 'UserGroupNameTaken');
        } finally {
            await second.stop();
        }
        await roster.check();
    });
});
