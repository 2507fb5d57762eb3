// Who may do what through Tedee's API: the two forms of credentials, rights, who administers and who does not, other organizations.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { secret, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    assertDone,
    assertError,
    assertOutcomes,
    assertResult,
    groupId,
    groupPath,
    groups,
    KEY,
    members,
    membersPath,
    names,
    ORGANIZATIONS,
    personalKey,
    tedeeWorld,
    users,
} from './support/tedee.mjs';

const EXPIRED = 'personal-key-expired',
    FOR_INES = 'personal-key-of-ines';

let roster;
before(async () => {
    roster = await serveObjects([
        ...tedeeWorld(),
        personalKey(1, EXPIRED, { expiresAt: '2020-01-01T00:00:00Z' }),
        personalKey(1, FOR_INES, { userId: 5 }),
        { type: 'credential', organizationId: 1, kind: 'key', secret: 'raw-key', rights: ['read', 'write'] },
        { type: 'credential', organizationId: 1, kind: 'api-key', keyId: 'key-id', secret: 'of-basic', rights: ['read', 'write'] },
    ]);
});
after(() => roster.stop());

/* Every operation once, as a function of a client; none of them leaves anything behind when it is refused. */
const READS = {
    'list organizations': (client) => client.get(ORGANIZATIONS),
    'list users': (client) => client.get(users()),
    'list groups': (client) => client.get(groups()),
    'get a group': (client) => client.get(groupPath(1)),
    'get a group with members': (client) => client.get(`${groupPath(1)}?includeMembers=true`),
    'list members': (client) => client.get(membersPath(1)),
};
const WRITES = {
    'create': (client) => client.post(groups(), { name: 'No' }),
    'rename': (client) => client.patch(groupPath(1), { name: 'No' }),
    'delete': (client) => client.delete(groupPath(1)),
    'add members': (client) => client.post(membersPath(1), { organizationUserIds: [4] }),
    'remove members': (client) => client.delete(membersPath(1), { organizationUserIds: [3] }),
};
const ALL = { ...READS, ...WRITES };

describe('credentials', () => {
    const ACCEPTED = {
        'a bearer token': { Authorization: `Bearer ${TOKEN.service}` },
        'the word bearer in another letter case': { Authorization: `bEARER ${TOKEN.service}` },
        'a personal key': { Authorization: `PersonalKey ${KEY.ada}` },
        'the word PersonalKey in another letter case': { Authorization: `personalkey ${KEY.ada}` },
    };
    for (const [what, headers] of Object.entries(ACCEPTED))
        it(`accepted: ${what}`, async () => assert.equal((await roster.as(null).get(groups(), { headers })).status, 200));

    const REFUSED = {
        'none': {},
        'an empty one': { Authorization: '' },
        'an unknown token': { Authorization: `Bearer ${secret(999)}` },
        'an unknown key': { Authorization: 'PersonalKey nobodys' },
        'a part of a key': { Authorization: `PersonalKey ${KEY.ada.slice(0, -1)}` },
        'a token as a personal key': { Authorization: `PersonalKey ${TOKEN.service}` },
        'a personal key as a token': { Authorization: `Bearer ${KEY.ada}` },
        'a key without a word': { Authorization: KEY.ada },
        'a raw key': { Authorization: 'raw-key' },
        'Basic': { Authorization: `Basic ${Buffer.from('key-id:of-basic').toString('base64')}` },
        'an expired key': { Authorization: `PersonalKey ${EXPIRED}` },
        'one of a user who is not active': { Authorization: `PersonalKey ${FOR_INES}` },
        'something like a JWT, without an issuer in the settings': { Authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' },
    };
    for (const [what, headers] of Object.entries(REFUSED)) {
        it(`refused: ${what}`, async () => {
            const anybody = roster.as(null);
            const client = { get: (path) => anybody.get(path, { headers }) };
            for (const method of ['post', 'patch', 'delete']) client[method] = (path, json) => anybody[method](path, json, { headers });
            for (const call of Object.values(ALL)) assertError(await call(client), 'Unauthorized');
        });
    }
    it('OPTIONS needs none', async () => {
        const ALLOWED = {
            [ORGANIZATIONS]: 'GET, OPTIONS',
            [users()]: 'GET, OPTIONS',
            [groups()]: 'GET, POST, OPTIONS',
            [groupPath(1)]: 'GET, PATCH, DELETE, OPTIONS',
            [membersPath(1)]: 'GET, POST, DELETE, OPTIONS',
        };
        for (const [path, allowed] of Object.entries(ALLOWED)) {
            const answer = await roster.as(null).request('OPTIONS', path);
            assert.deepEqual([answer.status, answer.text, answer.header('Allow')], [200, '', allowed]);
        }
    });
    it('a revoked key stops working', async () => {
        const made = await roster.createToken('--organization', '1', '--kind', 'personal-key');
        await roster.restart();
        const client = roster.as({ personalKey: made.secret });
        assert.equal((await client.get(groups())).status, 200);
        await roster.command('token', 'revoke', String(made.id));
        await roster.restart();
        assertError(await client.get(groups()), 'Unauthorized');
    });
});

describe('rights', () => {
    for (const [who, credential] of [
        ['a token', TOKEN.serviceReader],
        ['a personal key', { personalKey: KEY.reader }],
    ]) {
        it(`${who} without write reads everything`, async () => {
            for (const [what, call] of Object.entries(READS)) assert.equal((await call(roster.as(credential))).status, 200, what);
        });
        for (const [what, call] of Object.entries(WRITES))
            it(`${who} without write: ${what} is forbidden`, async () => assertError(await call(roster.as(credential)), 'Forbidden'));
    }
    it('the right is asked for before anything is looked at', async () => {
        const reader = roster.as({ personalKey: KEY.reader });
        assertError(await reader.post(groups(2), { name: '' }), 'Forbidden');
        assertError(await reader.delete(groupPath(4711)), 'Forbidden');
        assertError(await reader.request('POST', membersPath(1), { body: '{' }), 'Forbidden');
    });
    it('an operation that a credential is not permitted is forbidden, others are not', async () => {
        const made = await roster.createToken(
            ...['--organization', '1', '--kind', 'personal-key', '--rights', 'read,write', '--permit', 'get,update'],
        );
        await roster.restart();
        const client = roster.as({ personalKey: made.secret });
        const PERMITTED = ['get a group', 'get a group with members', 'list members', 'rename', 'add members', 'remove members'];
        for (const [what, call] of Object.entries(ALL)) {
            const answer = await call(client);
            if (!PERMITTED.includes(what)) assertError(answer, 'Forbidden');
            else assert.ok(answer.status < 300, `${what}: ${answer.text}`);
        }
        assertDone(await client.patch(groupPath(1), { name: 'Red' }));
        assertOutcomes(await client.post(membersPath(1), { organizationUserIds: [3] }), [3]);
        assertOutcomes(await client.delete(membersPath(1), { organizationUserIds: [4] }), [4]);
    });
});

describe('who does not administer the organization', () => {
    it('sees the groups it is in', async () => {
        assert.deepEqual(names(await roster.as(TOKEN.max).get(groups())), ['Green', 'Red']);
        assert.deepEqual(names(await roster.as(TOKEN.mia).get(`${groups()}?filters.text=re&page=1`)), ['Green', 'Red']);
        assert.deepEqual(names(await roster.as(TOKEN.nils).get(groups())), []);
        assert.deepEqual(names(await roster.as(TOKEN.ada).get(groups())), ['Blue', 'Green', 'Red']);
    });
    it('reads one of them with its members, and no other', async () => {
        const MEMBERS = [
            { displayName: 'Max', email: null, organizationUserId: 2 },
            { displayName: 'Mia', email: null, organizationUserId: 3 },
        ];
        for (const who of [TOKEN.max, TOKEN.mia]) {
            const client = roster.as(who);
            assertResult(await client.get(`${groupPath(1)}?includeMembers=true`), { id: groupId(1), members: MEMBERS, name: 'Red' });
            assertResult(await client.get(membersPath(1)), { items: MEMBERS, totalCount: 2 });
            assertError(await client.get(groupPath(3)), 'No group');
            assertError(await client.get(membersPath(3)), 'No group');
        }
        assertError(await roster.as(TOKEN.nils).get(groupPath(1)), 'No group');
    });
    it('is told of no organization, and not of its users', async () => {
        for (const who of [TOKEN.max, TOKEN.mia, TOKEN.nils]) {
            assertResult(await roster.as(who).get(ORGANIZATIONS), { organizations: [] });
            assertError(await roster.as(who).get(users()), 'Forbidden');
            assertError(await roster.as(who).get(`${users()}?Filters.UserTypes=2`), 'Forbidden');
        }
    });
    it('creates, renames and deletes no group; one that is not seen is not there', async () => {
        for (const who of [TOKEN.max, TOKEN.mia]) {
            const client = roster.as(who);
            assertError(await client.post(groups(), { name: 'No' }), 'Forbidden');
            assertError(await client.patch(groupPath(1), { name: 'No' }), 'Forbidden');
            assertError(await client.delete(groupPath(1)), 'Forbidden');
            assertError(await client.patch(groupPath(3), { name: 'No' }), 'No group');
            assertError(await client.delete(groupPath(3)), 'No group');
        }
    });
    it('a manager changes the members of its group, a member does not', async () => {
        const max = roster.as(TOKEN.max),
            mia = roster.as(TOKEN.mia);
        assertOutcomes(await max.post(membersPath(1), { organizationUserIds: [4, 12] }), [4, -12]);
        assert.deepEqual(await members(max, 1), [2, 3, 4]);
        assertOutcomes(await max.delete(membersPath(1), { organizationUserIds: [4] }), [4]);
        for (const [client, n] of [
            [mia, 1],
            [max, 2],
        ]) {
            assertError(await client.post(membersPath(n), { organizationUserIds: [4] }), 'Forbidden');
            assertError(await client.delete(membersPath(n), { organizationUserIds: [3] }), 'Forbidden');
            assertError(await client.post(membersPath(n), { organizationUserIds: [] }), 'Forbidden');
        }
        assertError(await max.post(membersPath(3), { organizationUserIds: [4] }), 'No group');
    });
});

describe('another organization', () => {
    /* What differs between two answers by nature. */
    const comparable = (answer) => ({
        status: answer.status,
        text: answer.text,
        headers: answer.headers.filter(([name]) => !['date', 'x-correlation-id'].includes(name.toLowerCase())),
    });
    const CALLS = {
        'its groups': (client, organization) => client.get(groups(organization)),
        'its users': (client, organization) => client.get(users(organization)),
        'a group in it': (client, organization, group) => client.get(groupPath(group, organization)),
        'the members of it': (client, organization, group) => client.get(membersPath(group, organization)),
        'create in it': (client, organization) => client.post(groups(organization), { name: 'Intruder' }),
        'rename in it': (client, organization, group) => client.patch(groupPath(group, organization), { name: 'Intruder' }),
        'delete in it': (client, organization, group) => client.delete(groupPath(group, organization)),
        'add in it': (client, organization, group) =>
            client.post(membersPath(group, organization), { organizationUserIds: [1, 11] }),
        'remove in it': (client, organization, group) =>
            client.delete(membersPath(group, organization), { organizationUserIds: [12] }),
    };
    for (const [what, call] of Object.entries(CALLS)) {
        it(`${what} is answered like one that does not exist`, async () => {
            for (const who of [TOKEN.service, TOKEN.ada, TOKEN.mia]) {
                const client = roster.as(who);
                const foreign = await call(client, 2, 11),
                    nobodys = await call(client, 4711, 4712);
                assertError(foreign, 'No organization');
                assert.deepEqual(comparable(foreign), comparable(nobodys));
            }
        });
    }
    it('its group in the own organization is not there, and not changed', async () => {
        const client = roster.as(TOKEN.ada);
        assertError(await client.get(groupPath(11)), 'No group');
        assertError(await client.patch(groupPath(11), { name: 'Intruder' }), 'No group');
        assertError(await client.delete(groupPath(11)), 'No group');
        assertError(await client.post(membersPath(11), { organizationUserIds: [1] }), 'No group');
        const uma = roster.as(TOKEN.uma);
        assertResult(await uma.get(`${groupPath(11, 2)}?includeMembers=true`), {
            id: groupId(11),
            members: [{ displayName: 'Ulf', email: null, organizationUserId: 12 }],
            name: 'Red',
        });
        assert.deepEqual(names(await uma.get(groups(2))), ['Black', 'Red']);
    });
});
