// Tedee's groups and organizations: the documented answers to the byte, every operation on groups, what is listed and in which order. Members
// are in tedee-members.test.mjs, who may do what in tedee-rights.test.mjs, bad requests in tedee-errors.test.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { account, bearer, fromLines, group, membership, organization, secret, TOKEN, user } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    assertBytes,
    assertDone,
    assertError,
    assertResult,
    groupId,
    groupPath,
    groups,
    members,
    membersPath,
    names,
    ORGANIZATIONS,
    tedeeWorld,
    users,
} from './support/tedee.mjs';
import { eventually } from './support/wait.mjs';

describe("the examples of Tedee's page", () => {
    const ID = 'a4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a';
    const EMAIL = '[email protected]'; // so it stands on the page, twice
    const WORLD = [
        organization(1, 'Acme'),
        user(1, 12, { displayName: 'Jane Smith', emailAddress: EMAIL }),
        user(1, 11, { displayName: 'John Doe', emailAddress: EMAIL }),
        group(1, 1, 'Engineering Team', { uuid: ID }),
        membership(1, 1, 12),
        membership(1, 1, 11),
        bearer(1, secret(1)),
    ];
    const EXAMPLES = {
        'Get group details': [
            '',
            '{"result":{"id":"a4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a","members":null,"name":"Engineering Team"},' +
                '"errorMessages":[],"statusCode":200,"success":true}',
        ],
        'Get group with members': [
            '?includeMembers=true',
            '{"result":{"id":"a4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a","members":[' +
                '{"displayName":"John Doe","email":"[email protected]","organizationUserId":11},' +
                '{"displayName":"Jane Smith","email":"[email protected]","organizationUserId":12}],"name":"Engineering Team"},' +
                '"errorMessages":[],"statusCode":200,"success":true}',
        ],
    };
    let roster;
    before(async () => (roster = await serveObjects(WORLD)));
    after(() => roster.stop());

    for (const [title, [query, body]] of Object.entries(EXAMPLES)) {
        it(`${title}; and a second time, now from memory`, async () => {
            const client = roster.as(secret(1));
            const headers = { accept: 'application/json' };
            assertBytes(await client.get(`${groups()}/${ID}${query}`, { headers }), body);
            assertBytes(await client.get(`${groups()}/${ID}${query}`, { headers }), body);
        });
    }
    it('an answer has no header but those documented, those of HTTP, and which version it shows', async () => {
        const answer = await roster.as(secret(1)).get(`${groups()}/${ID}`);
        assert.deepEqual(
            answer.headers.map(([name]) => name).filter((name) => !['Date', 'Connection', 'Keep-Alive'].includes(name)),
            ['API-Supported-Versions', 'X-Correlation-ID', 'Content-Type', 'Roster-Version', 'Content-Length'],
        );
    });
});

describe('one group', () => {
    let roster, client;
    before(async () => {
        roster = await serveObjects(tedeeWorld());
        client = roster.as(TOKEN.service);
    });
    after(() => roster.stop());

    it('members are null unless asked for, and [] if there are none', async () => {
        const id = (await client.post(groups(), { name: 'Empty' })).json.result.id;
        for (const [query, shown] of [
            ['', null],
            ['?includeMembers=false', null],
            ['?includeMembers=FALSE', null],
            ['?includeMembers=true', []],
            ['?includeMembers=True', []],
            ['?INCLUDEMEMBERS=true', []],
            ['?includemembers=TRUE&includeMembers=false', []],
        ])
            assertResult(await client.get(`${groups()}/${id}${query}`), { id, members: shown, name: 'Empty' });
    });
    it('its id is found in any letter case and shown in lower case', async () =>
        assertResult(await client.get(`${groups()}/${groupId(1).toUpperCase()}`), { id: groupId(1), members: null, name: 'Red' }));
    it('a name with characters of all kinds', async () => {
        for (const name of ['Ñandú "quoted" \\ / 日本 😀', "O'Neil & <sons>", 'x'.repeat(255), 'é'.repeat(255), ' blanks ']) {
            const { id } = (await client.post(groups(), { name })).json.result;
            assertResult(await client.get(`${groups()}/${id}`), { id, members: null, name });
        }
    });
});

describe('create, rename, delete', () => {
    let roster, client;
    before(async () => {
        roster = await serveObjects(tedeeWorld());
        client = roster.as(TOKEN.service);
    });
    after(() => roster.stop());

    it('create answers 200 with the id of the new group', async () => {
        const answer = await client.post(groups(), { name: 'New' });
        const { id } = answer.json.result;
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assertResult(answer, { id });
        assertResult(await client.get(`${groups()}/${id}?includeMembers=true`), { id, members: [], name: 'New' });
    });
    it('names of members count in any letter case, the last counts, others are ignored', async () => {
        const answer = await client.post(groups(), { name: 'First', members: [{ organizationUserId: 2 }], id: groupId(1), NAME: 'Last' });
        assertResult(await client.get(`${groups()}/${answer.json.result.id}?includeMembers=true`), {
            id: answer.json.result.id,
            members: [],
            name: 'Last',
        });
        assert.notEqual(answer.json.result.id, groupId(1));
    });
    it('rename answers 204; the new name is seen at once, in lists too', async () => {
        const { id } = (await client.post(groups(), { name: 'Before' })).json.result;
        assertDone(await client.patch(`${groups()}/${id}`, { name: 'After' }));
        assertResult(await client.get(`${groups()}/${id}`), { id, members: null, name: 'After' });
        assertResult(await client.get(`${groups()}?filters.text=after`), [{ id, name: 'After' }]);
        assertResult(await client.get(`${groups()}?filters.text=before`), []);
    });
    it('rename to the name it has, or to another letter case of it', async () => {
        const { id } = (await client.post(groups(), { name: 'Same' })).json.result;
        assertDone(await client.patch(`${groups()}/${id}`, { name: 'Same' }));
        assertDone(await client.patch(`${groups()}/${id}`, { name: 'SAME' }));
        assert.equal((await client.get(`${groups()}/${id}`)).json.result.name, 'SAME');
    });
    it('a rename keeps the members', async () => {
        assertDone(await client.patch(groupPath(1), { name: 'Red wine' }));
        assert.deepEqual(await members(client, 1), [2, 3]);
    });
    it('delete answers 204; the group is gone for every operation', async () => {
        const { id } = (await client.post(groups(), { name: 'To delete' })).json.result;
        const path = `${groups()}/${id}`;
        assertDone(await client.delete(path));
        assertError(await client.get(path), 'No group');
        assertError(await client.get(`${path}/members`), 'No group');
        assertError(await client.patch(path, { name: 'Again' }), 'No group');
        assertError(await client.post(`${path}/members`, { organizationUserIds: [2] }), 'No group');
        assertError(await client.delete(path), 'No group');
        assertResult(await client.get(`${groups()}?filters.text=to+delete`), []);
    });
    it('a name may be taken again after the group was deleted', async () => {
        const first = (await client.post(groups(), { name: 'Phoenix' })).json.result.id;
        assertError(await client.post(groups(), { name: 'phoenix' }), 'Name taken');
        assertDone(await client.delete(`${groups()}/${first}`));
        assert.notEqual((await client.post(groups(), { name: 'phoenix' })).json.result.id, first);
    });
    it('a body with DELETE of a group is ignored', async () => {
        const { id } = (await client.post(groups(), { name: 'With a body' })).json.result;
        assertDone(await client.delete(`${groups()}/${id}`, { anything: 1 }));
    });
    it('who made and changed a group is kept', async () => {
        const ada = roster.as(TOKEN.ada);
        const { id } = (await ada.post(groups(), { name: 'Signed' })).json.result;
        assertDone(await ada.patch(`${groups()}/${id}`, { name: 'Signed twice' }));
        const line = fromLines(await roster.export()).find(({ uuid }) => uuid === id);
        assert.deepEqual([line.createdBy, line.modifiedBy], ['Ada', 'Ada']);
    });
});

describe('the list of groups', () => {
    const NAMES = ['delta', 'Alpha', 'charlie', 'Bravo', '100% *wild*', 'alphabet', 'ÄRGER', 'ärmel', 'Москва', '日本'];
    const FILLERS = Array.from({ length: 125 - NAMES.length }, (_, i) => `filler ${String(i).padStart(3, '0')}`);
    const ALL = [...NAMES, ...FILLERS];
    const WORLD = [
        organization(1, 'Acme'),
        ...ALL.map((name, i) => group(1, i + 1, name, { uuid: groupId(i + 1) })),
        bearer(1, secret(1)),
        organization(2, 'Same names', { uniqueGroupNames: false }),
        group(2, 203, 'same', { uuid: groupId(203) }),
        group(2, 201, 'same', { uuid: groupId(201) }),
        group(2, 202, 'Same', { uuid: groupId(202) }),
        group(2, 204, 'other', { uuid: groupId(204) }),
        bearer(2, secret(2)),
        organization(3, 'Empty'),
        bearer(3, secret(3)),
    ];
    const fold = (text) => Buffer.from(text.normalize('NFC').toLowerCase());
    const SORTED = [...ALL].sort((a, b) => Buffer.compare(fold(a), fold(b)));
    let roster, client;
    before(async () => {
        roster = await serveObjects(WORLD);
        client = roster.as(secret(1));
    });
    after(() => roster.stop());

    it('is a bare array of id and name, by name; at most 100', async () => {
        const page = SORTED.slice(0, 100).map((name) => ({ id: groupId(ALL.indexOf(name) + 1), name }));
        assertResult(await client.get(groups()), page);
        assertResult(await client.get(groups()), page);
    });
    it('of an organization without groups is empty', async () => assertResult(await roster.as(secret(3)).get(groups(3)), []));
    it('equal names are ordered by age', async () => {
        const shown = [
            [204, 'other'],
            [201, 'same'],
            [202, 'Same'],
            [203, 'same'],
        ].map(([n, name]) => ({ id: groupId(n), name }));
        assertResult(await roster.as(secret(2)).get(groups(2)), shown);
    });

    const PAGES = [
        ['page=1', 0, 100],
        ['page=2', 100, 200],
        ['page=3', 200, 300],
        ['itemsPerPage=1', 0, 1],
        ['itemsPerPage=100', 0, 100],
        ['page=3&itemsPerPage=7', 14, 21],
        ['PAGE=2&ItemsPerPage=50', 50, 100],
        ['Page=2&ITEMSPERPAGE=50', 50, 100],
        ['page=18&itemsPerPage=7', 119, 126],
        ['page=19&itemsPerPage=7', 126, 133],
        ['page=9007199254740991&itemsPerPage=100', 200, 300],
        ['page=1&page=2', 0, 100],
    ];
    for (const [parameters, from, to] of PAGES)
        it(`?${parameters}`, async () => assert.deepEqual(names(await client.get(`${groups()}?${parameters}`)), SORTED.slice(from, to)));

    const SEARCHES = {
        'alpha': ['Alpha', 'alphabet'],
        'ALPHA': ['Alpha', 'alphabet'],
        'ph': ['Alpha', 'alphabet'],
        'ä': ['ÄRGER', 'ärmel'],
        'москва': ['Москва'],
        '日': ['日本'],
        '%': ['100% *wild*'],
        '*': ['100% *wild*'],
        'nothing like it': [],
        'filler 11': ['filler 110', 'filler 111', 'filler 112', 'filler 113', 'filler 114'],
    };
    for (const [text, found] of Object.entries(SEARCHES)) {
        it(`filters.text=${text}`, async () => {
            for (const name of ['filters.text', 'Filters.Text', 'FILTERS.TEXT'])
                assert.deepEqual(names(await client.get(`${groups()}?${name}=${encodeURIComponent(text)}`)), found);
        });
    }
    it('an empty filters.text filters nothing', async () =>
        assert.deepEqual(names(await client.get(`${groups()}?filters.text=`)), SORTED.slice(0, 100)));
    it('a search is paged too', async () =>
        assert.deepEqual(
            names(await client.get(`${groups()}?filters.text=filler&page=3&itemsPerPage=40`)),
            FILLERS.slice(80, 115),
        ));
    it('unknown parameters are ignored', async () =>
        assert.deepEqual(names(await client.get(`${groups()}?itemsPerPage=2&sortBy=x&search=delta`)), SORTED.slice(0, 2)));
});

describe('organizations and their users, which supply the ids', () => {
    const WORLD = [
        organization(1, 'Acme'),
        organization(2, 'élan vital & sons'),
        organization(3, '  2 spaces'),
        account(90, { firstName: 'Jane', lastName: 'Smith', emailAddress: 'jane.account@example.org' }),
        account(91, { emailAddress: 'only@example.org' }),
        user(1, 11, { displayName: 'John Doe', firstName: 'Johnny', emailAddress: 'john@example.org', superUser: true }),
        user(1, 12, { accountId: 90 }),
        user(1, 13, { firstName: 'Bob', lastName: 'Wilson', accountId: 90 }),
        user(1, 14, { lastName: 'Mononym', userName: 'mono' }),
        user(1, 15, { userName: 'robot' }),
        user(1, 16, { emailAddress: 'Mail@Example.org' }),
        user(1, 17, { accountId: 91, active: false }),
        user(1, 18),
        user(1, 19, { displayName: 'Gone' }),
        bearer(1, secret(1)),
        bearer(1, secret(2), { userId: 12 }),
        bearer(2, secret(3)),
        bearer(3, secret(4)),
    ];
    const USERS = [
        { organizationUserId: 11, displayName: 'John Doe', email: 'john@example.org', role: 1 },
        { organizationUserId: 12, displayName: 'Jane Smith', email: 'jane.account@example.org', role: 2 },
        { organizationUserId: 13, displayName: 'Bob Wilson', email: 'jane.account@example.org', role: 2 },
        { organizationUserId: 14, displayName: 'Mononym', email: null, role: 2 },
        { organizationUserId: 15, displayName: 'robot', email: null, role: 2 },
        { organizationUserId: 16, displayName: 'Mail@Example.org', email: 'Mail@Example.org', role: 2 },
        { organizationUserId: 17, displayName: 'only@example.org', email: 'only@example.org', role: 2 },
        { organizationUserId: 18, displayName: '', email: null, role: 2 },
    ];
    const shownOrganization = (id, name, initials) => ({
        id,
        name,
        ownerName: null,
        description: null,
        logo: null,
        color: null,
        initials,
        slug: null,
        bridgesCount: 0,
        locksCount: 0,
        organizationRole: 1,
    });
    const ACME = { organizations: [shownOrganization(1, 'Acme', 'A')] },
        NONE = { organizations: [] };
    let roster, client;
    before(async () => {
        roster = await serveObjects(WORLD);
        await roster.import([{ type: 'user', organizationId: 1, id: 19, delete: true }]);
        await roster.restart();
        client = roster.as(secret(1));
    });
    after(() => roster.stop());

    it('only the organization of the credential is listed', async () => {
        assertResult(await client.get(ORGANIZATIONS), ACME);
        assertResult(await roster.as(secret(3)).get(ORGANIZATIONS), {
            organizations: [shownOrganization(2, 'élan vital & sons', 'ÉV')],
        });
    });
    it('initials are the first letters of the first two words', async () =>
        assert.equal((await roster.as(secret(4)).get(ORGANIZATIONS)).json.result.organizations[0].initials, '2S'));
    it('and only for who administers it', async () => assertResult(await roster.as(secret(2)).get(ORGANIZATIONS), NONE));

    const LISTS = {
        '': ACME,
        'page=1&itemsPerPage=200': ACME,
        'page=2': NONE,
        'filters.Text=aCM': ACME,
        'filters.text=umbrella': NONE,
        'filters.Text=': ACME,
        'filters.HaveLocks=true': NONE,
        'FILTERS.havelocks=False': ACME,
        'dataScope=0': ACME,
        'dataScope=1': ACME,
    };
    for (const [parameters, expected] of Object.entries(LISTS))
        it(`organizations?${parameters}`, async () => assertResult(await client.get(`${ORGANIZATIONS}?${parameters}`), expected));

    it('the users of the organization, ascending by number; a deleted one is gone', async () => {
        assertResult(await client.get(users()), { users: USERS, totalCount: 8 });
        assertResult(await client.get(users()), { users: USERS, totalCount: 8 });
    });
    const FILTERS = {
        'Page=2&ItemsPerPage=3': [[14, 15, 16], 8],
        'page=4&itemsPerPage=3': [[], 8],
        'Filters.Text=jane': [[12, 13], 2],
        'Filters.Text=EXAMPLE.ORG': [[11, 12, 13, 16, 17], 5],
        'Filters.Text=Johnny': [[], 0],
        'Filters.Text=example.org&page=2&itemsPerPage=2': [[13, 16], 5],
        'Filters.UserTypes=0': [[11], 1],
        'Filters.UserTypes=1': [[12, 13, 14, 15, 16, 17, 18], 7],
        'Filters.UserTypes=2': [[], 0],
        'Filters.UserTypes=0&Filters.UserTypes=1': [[11, 12, 13, 14, 15, 16, 17, 18], 8],
        'filters.usertypes=2&filters.usertypes=0': [[11], 1],
        'Filters.UserTypes=1&Filters.Text=bob': [[13], 1],
        'Filters.IncludePendingUsers=true&itemsPerPage=1': [[11], 8],
        'Filters.IncludePendingUsers=FALSE&itemsPerPage=1': [[11], 8],
    };
    for (const [parameters, [found, totalCount]] of Object.entries(FILTERS))
        it(`users?${parameters}`, async () =>
            assertResult(await client.get(`${users()}?${parameters}`), {
                users: USERS.filter(({ organizationUserId }) => found.includes(organizationUserId)),
                totalCount,
            }));

    it('what a user is called among a group\'s members is the same, and follows a change of the account', async () => {
        const { id } = (await client.post(groups(), { name: 'Everybody' })).json.result;
        const everybody = USERS.map(({ organizationUserId }) => organizationUserId);
        assert.equal((await client.post(`${groups()}/${id}/members`, { organizationUserIds: everybody })).status, 207);
        const shown = USERS.map(({ displayName, email, organizationUserId }) => ({ displayName, email, organizationUserId }));
        assertResult(await client.get(`${groups()}/${id}?includeMembers=true`), { id, members: shown, name: 'Everybody' });

        await roster.import([account(90, { firstName: 'Janet', lastName: 'Jones', emailAddress: 'janet@example.org' })]);
        Object.assign(shown[1], { displayName: 'Janet Jones', email: 'janet@example.org' });
        Object.assign(shown[2], { email: 'janet@example.org' });
        await eventually(async () =>
            assertResult(await client.get(`${groups()}/${id}?includeMembers=true`), { id, members: shown, name: 'Everybody' }),
        );
    });
});

describe('through other doors', () => {
    it('a group made in Bold is seen, its members managed in either are the same', async (t) => {
        const roster = await serveObjects(tedeeWorld());
        t.after(() => roster.stop());
        const client = roster.as(TOKEN.service);
        const number = (await client.post('/v1/user-groups', { name: 'Both', description: 'of Bold', remarks: 'kept' })).json;
        const [{ id }] = (await client.get(`${groups()}?filters.text=both`)).json.result;
        await client.post(`/v1/user-groups/${number}/users/4?groupAdmin=true`);
        assert.equal((await client.post(`${groups()}/${id}/members`, { organizationUserIds: [4, 3] })).status, 207);
        assertDone(await client.patch(`${groups()}/${id}`, { name: 'Both renamed' }));
        const seen = (await client.get(`/v1/user-groups/${number}?includeUsers=true`)).json;
        assert.deepEqual([seen.name, seen.description, seen.remarks], ['Both renamed', 'of Bold', 'kept']);
        assert.deepEqual(
            seen.users.map((one) => [one.id, one.groupAdmin]),
            [
                [3, false],
                [4, true],
            ],
        );
        await roster.check();
    });
});

describe('what was answered is kept', () => {
    it('over a restart and over kill -9', async (t) => {
        const roster = await serveObjects(tedeeWorld());
        t.after(() => roster.stop());
        let client = roster.as(TOKEN.service);
        const { id } = (await client.post(groups(), { name: 'Kept' })).json.result;
        await client.post(`${groups()}/${id}/members`, { organizationUserIds: [4, 2] });
        await client.delete(membersPath(2), { organizationUserIds: [3] });
        await client.patch(groupPath(1), { name: 'Crimson' });
        await client.delete(groupPath(3));
        await roster.kill();
        await roster.serve();
        client = roster.as(TOKEN.service);
        assertDone(await client.patch(groupPath(2), { name: 'Green' })); // the organization is not in memory yet
        assertResult(await client.get(`${groups()}/${id}?includeMembers=true`), {
            id,
            members: [
                { displayName: 'Max', email: null, organizationUserId: 2 },
                { displayName: 'Nils', email: null, organizationUserId: 4 },
            ],
            name: 'Kept',
        });
        assert.deepEqual(await members(client, 2), [2]);
        assert.deepEqual(names(await client.get(groups())), ['Crimson', 'Green', 'Kept']);
        await roster.check();
    });
});
