// One directory behind every API: what is made, changed and deleted through one is so in the others, and none loses what only
// another knows. APIS is what is the same everywhere, in each API's own words; to add an API add a row.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as bold from './support/bold.mjs';
import { bearer, fromLines, group, membership, organization, secret, user } from './support/objects.mjs';
import * as passbolt from './support/passbolt.mjs';
import { serveObjects } from './support/roster.mjs';
import * as struct from './support/struct-pim.mjs';
import * as tedee from './support/tedee.mjs';

/* The group's own member, or null for a group that is not there. */
async function read(client, path, pick) {
    const answer = await client.get(path);
    if (answer.status === 404) return null;
    assert.equal(answer.status, 200, answer.text);
    return pick(answer.json);
}

async function done(answer) {
    const { status, text } = await answer;
    assert.ok(status < 300, `${status} ${text}`);
}

/* A member of a new group, as Passbolt has it. */
const manager = (n) => ({ user_id: passbolt.userId(n), is_admin: true });

/* `idOf` makes the API's id of a line of the directory file. `lists` tells whether the list has the name, `nameOf` is null if the
 * group is gone, writes give the answer; `membersOf`, `addMember` and `removeMember` are there if the API knows members. */
const APIS = {
    'Bold': {
        credential: secret(1),
        idOf: ({ id }) => id,
        lists: (client, text) =>
            read(client, `${bold.GROUPS}?search=${encodeURIComponent(text)}`, (list) => list.some(({ name }) => name === text)),
        nameOf: (client, id) => read(client, `${bold.GROUPS}/${id}`, ({ name }) => name),
        create: (client, name) => client.post(bold.GROUPS, { name }),
        rename: (client, id, name) => client.put(`${bold.GROUPS}/${id}`, { name }),
        remove: (client, id) => client.delete(`${bold.GROUPS}/${id}`),
        membersOf: (client, id) =>
            read(client, `${bold.GROUPS}/${id}?includeUsers=true`, ({ users }) => users.map((user) => user.id)),
        addMember: (client, id, userId) => client.post(`${bold.GROUPS}/${id}/users/${userId}`),
        removeMember: (client, id, userId) => client.delete(`${bold.GROUPS}/${id}/users/${userId}`),
    },
    'Tedee': {
        credential: { personalKey: 'tedee' },
        idOf: ({ uuid }) => uuid,
        lists: (client, text) =>
            read(client, `${tedee.groups()}?filters.text=${encodeURIComponent(text)}`, ({ result }) =>
                result.some(({ name }) => name === text),
            ),
        nameOf: (client, id) => read(client, `${tedee.groups()}/${id}`, ({ result }) => result.name),
        create: (client, name) => client.post(tedee.groups(), { name }),
        rename: (client, id, name) => client.patch(`${tedee.groups()}/${id}`, { name }),
        remove: (client, id) => client.delete(`${tedee.groups()}/${id}`),
        membersOf: (client, id) =>
            read(client, `${tedee.groups()}/${id}?includeMembers=true`, ({ result }) =>
                result.members.map(({ organizationUserId }) => organizationUserId),
            ),
        addMember: (client, id, userId) => client.post(`${tedee.groups()}/${id}/members`, { organizationUserIds: [userId] }),
        removeMember: (client, id, userId) =>
            client.delete(`${tedee.groups()}/${id}/members`, { organizationUserIds: [userId] }),
    },
    'Struct PIM': {
        credential: { key: 'struct' },
        idOf: ({ uuid }) => uuid,
        lists: (client, text) => read(client, struct.GROUPS, (list) => list.some(({ Name }) => Name === text)),
        nameOf: (client, id) => read(client, `${struct.GROUPS}/${id}`, ({ Name }) => Name),
        create: (client, Name) => client.post(struct.GROUPS, { Name }),
        rename: async (client, id, Name) => {
            const { Uid, Languages, Segments, BusinessUnits } = (await client.get(`${struct.GROUPS}/${id}`)).json;
            return client.put(struct.GROUPS, { Uid: Uid ?? id, Name, Languages, Segments, BusinessUnits });
        },
        remove: (client, id) => client.delete(`${struct.GROUPS}/${id}`),
    },
    /* As user 1, an administrator. Only a manager of the group adds members: those have tests of their own below. */
    'Passbolt': {
        credential: secret(2),
        userId: 1,
        idOf: ({ uuid }) => uuid,
        lists: (client, text) => read(client, '/groups.json', ({ body }) => body.some(({ name }) => name === text)),
        nameOf: (client, id) => read(client, `/groups/${id}.json`, ({ body }) => body.name),
        create: (client, name) => client.post('/groups.json', { name, groups_users: [manager(1)] }),
        rename: (client, id, name) => client.put(`/groups/${id}.json`, { name }),
        remove: (client, id) => client.delete(`/groups/${id}.json`),
    },
};
const NAMES = Object.keys(APIS);
const PAIRS = NAMES.flatMap((one) => NAMES.filter((other) => other !== one).map((other) => [one, other]));
const MEMBER_PAIRS = PAIRS.filter((pair) => pair.every((name) => APIS[name].membersOf));

/* What only Bold and what only Struct show, and who is in it. */
const RICH = {
    description: 'Everybody who edits',
    remarks: 'ask Ada',
    externalId: 'E-7',
    languages: [
        { languageId: 2, readOnly: true },
        { languageId: 1, readOnly: false },
    ],
    segments: [{ segmentUid: struct.uid(801), readOnly: false }],
    businessUnits: [{ businessUnitUid: struct.uid(802), readOnly: true }],
};
const rich = (n) => [
    group(1, n, `Rich ${n}`, { uuid: struct.uid(n), ...RICH, createdBy: 'the importer' }),
    membership(1, n, 1, { manager: true, dateCreated: '2026-01-01T00:00:00Z' }),
    membership(1, n, 2, { dateCreated: '2026-01-01T00:00:00Z' }),
];

const MAX = secret(3);
const PERSON = (n) => ({
    uuid: passbolt.userId(n),
    displayName: `User ${n}`,
    userName: `user${n}@example.org`,
    emailAddress: `user${n}@example.org`,
    firstName: 'User',
    lastName: String(n),
});

const WORLD = [
    organization(1, 'Acme'),
    ...[1, 2, 3, 4].map((id) => user(1, id, { ...PERSON(id), superUser: id === 1 })),
    bearer(1, APIS.Bold.credential, { name: 'Bold job' }),
    tedee.personalKey(1, APIS.Tedee.credential.personalKey, { name: 'Tedee job' }),
    struct.rawKey(1, APIS['Struct PIM'].credential.key, { name: 'Struct PIM job' }),
    bearer(1, APIS.Passbolt.credential, { name: 'Passbolt job', userId: APIS.Passbolt.userId }),
    bearer(1, MAX, { userId: 2 }),
    ...NAMES.flatMap((_, i) => rich(50 + i)),
];

let roster;
const clients = {};
before(async () => {
    roster = await serveObjects(WORLD);
    for (const name of NAMES) clients[name] = roster.as(APIS[name].credential);
});
after(async () => {
    await roster.check();
    await roster.stop();
});

/* An operation of an API, as its client: ask('Bold', 'rename', id, 'New'). */
const ask = (api, operation, ...rest) => APIS[api][operation](clients[api], ...rest);

/* The line of the directory file of the living group of that name. */
async function lineOf(name) {
    const found = fromLines(await roster.export()).filter((line) => line.type === 'group' && line.name === name);
    assert.equal(found.length, 1, `groups called ${name}`);
    return found[0];
}

/* The id in each API of the living group of that name; of one that is made through `api`. */
async function idsOf(name) {
    const line = await lineOf(name);
    return Object.fromEntries(NAMES.map((other) => [other, APIS[other].idOf(line)]));
}
async function make(api, name) {
    await done(ask(api, 'create', name));
    return idsOf(name);
}

for (const [one, other] of PAIRS) {
    describe(`${one}, then ${other}`, () => {
        const name = (what) => `${what} by ${one} for ${other}`;

        it('a group that is made is seen', async () => {
            const ids = await make(one, name('made'));
            assert.equal(await ask(other, 'nameOf', ids[other]), name('made'));
            assert.equal(await ask(other, 'lists', name('made')), true);
        });
        it('a group that is renamed has the new name', async () => {
            const ids = await make(one, name('old'));
            assert.equal(await ask(other, 'nameOf', ids[other]), name('old')); // now its bytes are kept
            await done(ask(one, 'rename', ids[one], name('new')));
            assert.equal(await ask(other, 'nameOf', ids[other]), name('new'));
            assert.equal(await ask(other, 'lists', name('old')), false);
            assert.equal(await ask(other, 'lists', name('new')), true);
        });
        it('a group that the other made can be renamed, and the other sees it', async () => {
            const ids = await make(other, name('given'));
            await done(ask(one, 'rename', ids[one], name('taken over')));
            assert.equal(await ask(other, 'nameOf', ids[other]), name('taken over'));
        });
        it('a group that is deleted is gone, also for writes', async () => {
            const ids = await make(other, name('doomed'));
            assert.equal(await ask(other, 'nameOf', ids[other]), name('doomed'));
            await done(ask(one, 'remove', ids[one]));
            assert.equal(await ask(other, 'nameOf', ids[other]), null);
            assert.equal(await ask(other, 'lists', name('doomed')), false);
            assert.equal((await ask(other, 'rename', ids[other], name('undead'))).status, 404);
            assert.equal((await ask(other, 'remove', ids[other])).status, 404);
        });
        it('a name is taken for both', async () => {
            await done(ask(one, 'create', name('unique')));
            const { status } = await ask(other, 'create', name('unique').toUpperCase());
            assert.ok([400, 409].includes(status), String(status));
        });
        it('who made and who changed a group is told by the names of their credentials', async () => {
            const ids = await make(one, name('signed'));
            const audit = async () => {
                const { CreatedBy, LastModifiedBy } = await struct.getGroup(clients['Struct PIM'], ids['Struct PIM']);
                return [CreatedBy, LastModifiedBy];
            };
            assert.deepEqual(await audit(), [`${one} job`, `${one} job`]);
            await done(ask(other, 'rename', ids[other], name('countersigned')));
            assert.deepEqual(await audit(), [`${one} job`, `${other} job`]);
            const { createdBy, modifiedBy } = await lineOf(name('countersigned'));
            assert.deepEqual([createdBy, modifiedBy], [`${one} job`, `${other} job`]);
        });
    });
}

describe('a change keeps what only another API knows', () => {
    for (const [i, api] of NAMES.entries()) {
        it(`of ${api}`, async () => {
            const number = 50 + i;
            const before = await lineOf(`Rich ${number}`);
            await done(ask(api, 'rename', APIS[api].idOf(before), `Richer ${number}`));
            const { dateModified, ...after } = await lineOf(`Richer ${number}`);
            assert.ok(dateModified, 'it was changed');
            assert.deepEqual(after, { ...before, name: `Richer ${number}`, modifiedBy: `${api} job` });

            const seen = await struct.getGroup(clients['Struct PIM'], before.uuid);
            const shown = struct.shownGroup({ ...before, name: `Richer ${number}`, dateModified, modifiedBy: `${api} job` });
            assert.deepEqual(seen, shown);
            const inBold = (await clients.Bold.get(`${bold.GROUPS}/${number}?includeUsers=true`)).json;
            assert.deepEqual(
                [inBold.description, inBold.remarks, inBold.externalId, inBold.users.map((one) => [one.id, one.groupAdmin])],
                [
                    RICH.description,
                    RICH.remarks,
                    { value: RICH.externalId },
                    [
                        [1, true],
                        [2, false],
                    ],
                ],
            );
            assert.deepEqual(await ask('Tedee', 'membersOf', before.uuid), [1, 2]);
        });
    }
    it('description and remarks changed in Bold, grants changed in Struct: both are there', async () => {
        const { Bold, 'Struct PIM': Uid } = await make('Tedee', 'From all sides');
        await done(clients.Bold.put(`${bold.GROUPS}/${Bold}`, { description: 'd', remarks: 'r' }));
        const Languages = [{ LanguageId: 3, ReadOnly: true }];
        await done(clients['Struct PIM'].put(struct.GROUPS, { Uid, Name: 'From all sides', Languages }));
        await done(clients.Bold.put(`${bold.GROUPS}/${Bold}`, { description: null }));
        const { description, remarks, languages } = await lineOf('From all sides');
        assert.deepEqual([description, remarks, languages], [undefined, 'r', [{ languageId: 3, readOnly: true }]]);
    });
});

for (const [one, other] of MEMBER_PAIRS) {
    describe(`members: ${one}, then ${other}`, () => {
        const members = (ids) => Promise.all([one, other].map((api) => ask(api, 'membersOf', ids[api])));
        it('who is added and removed in one is so in the other', async () => {
            const ids = await make(one, `Members of ${one} for ${other}`);
            for (const userId of [3, 1]) await done(ask(one, 'addMember', ids[one], userId));
            assert.deepEqual(await members(ids), [[1, 3], [1, 3]]);
            await done(ask(other, 'addMember', ids[other], 4));
            assert.deepEqual(await members(ids), [[1, 3, 4], [1, 3, 4]]);
            await done(ask(one, 'removeMember', ids[one], 4));
            await done(ask(other, 'removeMember', ids[other], 1));
            assert.deepEqual(await members(ids), [[3], [3]]);
        });
        it('a manager stays one when added again', async () => {
            const ids = await make(one, `Manager of ${one} for ${other}`);
            await done(clients.Bold.post(`${bold.GROUPS}/${ids.Bold}/users/2?groupAdmin=true`));
            await done(ask(one, 'addMember', ids[one], 2));
            assert.deepEqual(await bold.members(clients.Bold, ids.Bold), [[2, true]]);
        });
        it('Struct PIM notices nothing', async () => {
            const ids = await make('Struct PIM', `Nothing of ${one} and ${other}`);
            const { text } = await clients['Struct PIM'].get(`${struct.GROUPS}/${ids['Struct PIM']}`);
            await done(ask(one, 'addMember', ids[one], 1));
            await done(ask(other, 'removeMember', ids[other], 1));
            struct.assertBytes(await clients['Struct PIM'].get(`${struct.GROUPS}/${ids['Struct PIM']}`), text);
        });
    });
}

describe('managers and members: Passbolt and the others', () => {
    const ADA = passbolt.userId(1);
    let max; // manages some groups, and is no administrator
    before(() => (max = roster.as(MAX)));

    const path = (ids) => `/groups/${ids.Passbolt}.json`;
    const shown = async (ids, contain = 'groups_users.user.profile') =>
        passbolt.assertSuccess(await clients.Passbolt.get(`${path(ids)}?contain[${contain}]=1`));
    /* [[number, is a manager]], in the order of numbers. */
    const inPassbolt = async (ids) => {
        const number = new Map([1, 2, 3, 4].map((n) => [passbolt.userId(n), n]));
        const { groups_users } = await shown(ids);
        return groups_users.map(({ user_id, is_admin }) => [number.get(user_id), is_admin]).sort();
    };
    const inBold = (ids) => bold.members(clients.Bold, ids.Bold);
    const inTedee = (ids) => ask('Tedee', 'membersOf', ids.Tedee);
    async function assertMembers(ids, expected) {
        assert.deepEqual(await inPassbolt(ids), expected);
        assert.deepEqual(await inBold(ids), expected);
        assert.deepEqual(
            await inTedee(ids),
            expected.map(([n]) => n),
        );
    }
    const membershipOf = async (ids, n) =>
        (await shown(ids)).groups_users.find(({ user_id }) => user_id === passbolt.userId(n)).id;
    const change = async (client, ids, ...groups_users) => passbolt.assertSuccess(await client.put(path(ids), { groups_users }));
    const add = (n) => ({ user_id: passbolt.userId(n) });
    /* An id that clients take for one, and that no user has. */
    function assertNobody(id) {
        assert.match(id, passbolt.UUID);
        for (const n of [1, 2, 3, 4]) assert.notEqual(id, passbolt.userId(n));
    }

    it('members and managers of a new group are so everywhere', async () => {
        const groups_users = [add(3), manager(1), { ...add(2), is_admin: false }];
        await done(clients.Passbolt.post('/groups.json', { name: 'Made with members', groups_users }));
        await assertMembers(await idsOf('Made with members'), [[1, true], [2, false], [3, false]]); // prettier-ignore
    });
    it('changed in Bold and Tedee, seen in Passbolt', async () => {
        const ids = await make('Passbolt', 'Changed elsewhere');
        await assertMembers(ids, [[1, true]]);
        await done(ask('Bold', 'addMember', ids.Bold, 2));
        await done(ask('Tedee', 'addMember', ids.Tedee, 3));
        await assertMembers(ids, [[1, true], [2, false], [3, false]]); // prettier-ignore
        await done(clients.Bold.post(`${bold.GROUPS}/${ids.Bold}/users/3?groupAdmin=true`));
        await done(ask('Tedee', 'removeMember', ids.Tedee, 2));
        await assertMembers(ids, [[1, true], [3, true]]); // prettier-ignore
        await done(ask('Bold', 'removeMember', ids.Bold, 1));
        await assertMembers(ids, [[3, true]]);
    });
    it('changed in Passbolt, seen in Bold and Tedee', async () => {
        const ids = await make('Passbolt', 'Changed here');
        await change(clients.Passbolt, ids, add(2), add(4));
        await assertMembers(ids, [[1, true], [2, false], [4, false]]); // prettier-ignore
        const id = await membershipOf(ids, 2);
        await change(clients.Passbolt, ids, { id, is_admin: true }, { id: await membershipOf(ids, 4), delete: true });
        await assertMembers(ids, [[1, true], [2, true]]); // prettier-ignore
        await change(clients.Passbolt, ids, { id, is_admin: false });
        await assertMembers(ids, [[1, true], [2, false]]); // prettier-ignore
    });
    it('who became a manager in Bold is one in Passbolt, and who ceased to be is none', async () => {
        const ids = await make('Bold', 'Handed over');
        await done(clients.Bold.post(`${bold.GROUPS}/${ids.Bold}/users/2?groupAdmin=true`));
        await change(max, ids, add(4));
        await assertMembers(ids, [[2, true], [4, false]]); // prettier-ignore
        await done(ask('Bold', 'removeMember', ids.Bold, 2));
        passbolt.assertError(await max.put(path(ids), { groups_users: [add(3)] }), 403);
        await assertMembers(ids, [[4, false]]);
    });
    it('a membership keeps its id whoever changes it, and gets another when it is made again', async () => {
        const ids = await make('Passbolt', 'Kept ids');
        await done(ask('Tedee', 'addMember', ids.Tedee, 2));
        const id = await membershipOf(ids, 2);
        await done(clients.Bold.post(`${bold.GROUPS}/${ids.Bold}/users/2?groupAdmin=true`));
        assert.equal(await membershipOf(ids, 2), id);
        await done(ask('Tedee', 'removeMember', ids.Tedee, 2));
        const { text } = await clients.Passbolt.put(path(ids), { groups_users: [{ id, is_admin: false }] });
        assert.match(text, /Cannot find the group user\./);
        await assertMembers(ids, [[1, true]]);
    });
    it('a membership that was made elsewhere is changed here', async () => {
        const ids = await make('Tedee', 'Of another origin');
        await done(ask('Tedee', 'addMember', ids.Tedee, 3));
        const id = await membershipOf(ids, 3);
        await change(clients.Passbolt, ids, { id, is_admin: true });
        await assertMembers(ids, [[3, true]]);
        const last = await clients.Passbolt.put(path(ids), { groups_users: [{ id, delete: true }] });
        assert.match(last.text, /Cannot delete the last group manager\./);
        await done(ask('Tedee', 'removeMember', ids.Tedee, 3)); // others know no such rule
        await assertMembers(ids, []);
    });
    it('Struct PIM notices nothing of members that change', async () => {
        const ids = await make('Passbolt', 'Nothing to Struct');
        const { text } = await clients['Struct PIM'].get(`${struct.GROUPS}/${ids['Struct PIM']}`);
        await change(clients.Passbolt, ids, add(2));
        struct.assertBytes(await clients['Struct PIM'].get(`${struct.GROUPS}/${ids['Struct PIM']}`), text);
    });
    it('what is seen of a group that others change is never old', async () => {
        const ids = await make('Passbolt', 'Read again');
        const list = async (name) => {
            const all = passbolt.assertSuccess(await clients.Passbolt.get('/groups.json?contain[groups_users.user]=1'));
            return all.find((group) => group.id === ids.Passbolt && group.name === name)?.groups_users.length;
        };
        assert.equal(await list('Read again'), 1); // now its bytes are kept
        await done(ask('Bold', 'addMember', ids.Bold, 2));
        assert.equal(await list('Read again'), 2);
        await done(ask('Struct PIM', 'rename', ids['Struct PIM'], 'Read anew'));
        assert.equal(await list('Read anew'), 2);
        await done(ask('Tedee', 'removeMember', ids.Tedee, 2));
        assert.equal(await list('Read anew'), 1);
    });

    for (const api of NAMES.filter((name) => name !== 'Passbolt')) {
        describe(`a group that ${api} made`, () => {
            it('has no manager and nobody known who made it, and is shown as any other', async () => {
                const ids = await make(api, `Shown, of ${api}`);
                const names = ['modifier', 'users', 'groups_users', 'my_group_user'];
                const every = names.map((name) => `contain[${name}]=1`).join('&');
                const found = passbolt.assertSuccess(await clients.Passbolt.get(`${path(ids)}?${every}`));
                passbolt.assertGroup(found, ['modifier', 'users', 'my_group_user', 'groups_users']);
                assertNobody(found.created_by);
                assert.deepEqual([found.modified_by, found.modifier], [found.created_by, null]);
                assert.deepEqual([found.users, found.groups_users, found.my_group_user], [[], [], null]);
                const all = passbolt.assertSuccess(await clients.Passbolt.get(`/groups.json?${every}`));
                assert.deepEqual(
                    all.find(({ id }) => id === ids.Passbolt),
                    found,
                );
            });
            it('is renamed by an administrator, who is known as its modifier then, and by nobody else', async () => {
                const ids = await make(api, `Renamed, of ${api}`);
                passbolt.assertError(await max.put(path(ids), { name: 'Taken over' }), 403);
                await done(clients.Passbolt.put(path(ids), { name: `Anew, of ${api}` }));
                const found = await shown(ids, 'modifier');
                assertNobody(found.created_by);
                assert.deepEqual([found.name, found.modified_by, found.modifier.id], [`Anew, of ${api}`, ADA, ADA]);
                await done(ask(api, 'rename', ids[api], `Again, of ${api}`)); // by a credential that is nobody's
                const { modifier, modified_by } = await shown(ids, 'modifier');
                assert.equal(modifier, null);
                assertNobody(modified_by);
            });
            it('gets no members from an administrator, who is no manager of it, and does from its manager', async () => {
                const ids = await make(api, `Without manager, of ${api}`);
                await change(clients.Passbolt, ids, add(3)); // ignored, as Passbolt does
                await assertMembers(ids, []);
                await done(ask('Tedee', 'addMember', ids.Tedee, 2));
                await change(clients.Passbolt, ids, { id: await membershipOf(ids, 2), is_admin: true });
                await change(max, ids, add(3));
                await assertMembers(ids, [[2, true], [3, false]]); // prettier-ignore
            });
            it('is deleted by its manager: it is gone everywhere, and its name is free', async () => {
                const name = `Deleted, of ${api}`;
                const ids = await make(api, name);
                passbolt.assertError(await max.delete(path(ids)), 403);
                await done(clients.Bold.post(`${bold.GROUPS}/${ids.Bold}/users/2?groupAdmin=true`));
                await done(max.delete(path(ids)));
                for (const other of NAMES) assert.equal(await ask(other, 'nameOf', ids[other]), null);
                await done(ask(api, 'create', name));
            });
        });
    }
});
