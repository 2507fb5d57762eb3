// One directory behind every API: what is made, changed and deleted through one is so in the others, and none loses what only
// another knows. APIS is what is the same everywhere, in each API's own words; to add an API add a row.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as bold from './support/bold.mjs';
import { bearer, fromLines, group, membership, organization, secret, user } from './support/objects.mjs';
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

const WORLD = [
    organization(1, 'Acme'),
    ...[1, 2, 3, 4].map((id) => user(1, id, { displayName: `User ${id}` })),
    bearer(1, APIS.Bold.credential, { name: 'Bold job' }),
    tedee.personalKey(1, APIS.Tedee.credential.personalKey, { name: 'Tedee job' }),
    struct.rawKey(1, APIS['Struct PIM'].credential.key, { name: 'Struct PIM job' }),
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

/* A group made through `api`: its id in each API. */
async function make(api, name) {
    await done(ask(api, 'create', name));
    const line = await lineOf(name);
    return Object.fromEntries(NAMES.map((other) => [other, APIS[other].idOf(line)]));
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
