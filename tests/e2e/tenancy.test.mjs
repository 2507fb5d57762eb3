// A credential never learns anything of another organization: what is foreign is answered byte for byte like what does not
// exist.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, assertJson, GROUPS, ids, members } from './support/bold.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

/* Seen from Acme: group 11 and user 12 are Umbrella's, 4711 and 4712 are nobody's. */
const FOREIGN = { group: 11, user: 12, organization: 2 };
const NOBODYS = { group: 4711, user: 4712, organization: 4713 };

/* Every way to name a group, a user or an organization. */
const CALLS = {
    'get the group': (client, { group }) => client.get(`${GROUPS}/${group}`),
    'get it with users': (client, { group }) => client.get(`${GROUPS}/${group}?includeUsers=true`),
    'rename it': (client, { group }) => client.put(`${GROUPS}/${group}`, { name: 'Taken over' }),
    'rename it to its own name': (client, { group }) => client.put(`${GROUPS}/${group}`, { name: 'Red' }),
    'change nothing of it': (client, { group }) => client.put(`${GROUPS}/${group}`, {}),
    'delete it': (client, { group }) => client.delete(`${GROUPS}/${group}`),
    'add the own user to it': (client, { group }) => client.post(`${GROUPS}/${group}/users/1`),
    'add several own users to it': (client, { group }) => client.post(`${GROUPS}/${group}/users`, [{ userId: 1 }]),
    'add nobody to it': (client, { group }) => client.post(`${GROUPS}/${group}/users`, []),
    'add its user to it': (client, { group, user }) => client.post(`${GROUPS}/${group}/users/${user}`),
    'remove a user from it': (client, { group }) => client.delete(`${GROUPS}/${group}/users/1`),
    'remove several from it': (client, { group, user }) => client.delete(`${GROUPS}/${group}/users`, [1, user]),
    'add the user to the own group': (client, { user }) => client.post(`${GROUPS}/1/users/${user}`),
    'add the user as a manager': (client, { user }) => client.post(`${GROUPS}/1/users/${user}?groupAdmin=true`),
    'add the user among own ones': (client, { user }) => client.post(`${GROUPS}/1/users`, [{ userId: 4 }, { userId: user }]),
    'remove the user from the own group': (client, { user }) => client.delete(`${GROUPS}/1/users/${user}`),
    'remove the user among own ones': (client, { user }) => client.delete(`${GROUPS}/1/users`, [3, user]),
    'list the groups of the user': (client, { user }) => client.get(`${GROUPS}?userId=${user}`),
    'list the groups of the organization': (client, { organization }) => client.get(`${GROUPS}?organizationId=${organization}`),
    'search in the organization': (client, { organization }) =>
        client.get(`${GROUPS}?organizationId=${organization}&search=black`),
    'the user in the organization': (client, { organization, user }) =>
        client.get(`${GROUPS}?organizationId=${organization}&userId=${user}`),
    'create a group in the organization': (client, { organization }) =>
        client.post(`${GROUPS}?organizationId=${organization}`, { name: 'Intruder' }),
    'create a group of a name it has': (client, { organization }) =>
        client.post(`${GROUPS}?organizationId=${organization}`, { name: 'Black' }),
};

/* What differs between two answers by nature: the numbers that were asked for, and the time. */
const comparable = (answer, names) => ({
    status: answer.status,
    text: answer.text.replaceAll(String(names.group), 'GROUP').replaceAll(String(names.user), 'USER'),
    headers: answer.headers.filter(([name]) => !['date', 'content-length'].includes(name.toLowerCase())),
});

let roster, exported;
before(async () => {
    roster = await serveObjects(smallWorld());
    exported = await roster.export();
});
after(() => roster.stop());

describe('foreign is as non-existing', () => {
    for (const who of ['service', 'ada', 'max', 'mia', 'nils', 'serviceReader']) {
        for (const [what, call] of Object.entries(CALLS)) {
            it(`${who}: ${what}`, async () => {
                const client = roster.as(TOKEN[who]);
                const foreign = comparable(await call(client, FOREIGN), FOREIGN),
                    nobodys = comparable(await call(client, NOBODYS), NOBODYS);
                assert.deepEqual(foreign, nobodys);
                if (foreign.status === 200) assert.equal(foreign.text, '[]');
                assert.doesNotMatch(foreign.text, /Umbrella|Black|Uma|Ulf|organization 2/);
            });
        }
    }
    it('and nothing of all this changed anything', async () => roster.assertExportIs(exported));
});

describe('lists stay at home', () => {
    const MINE = { service: [1, 2, 3], umbrella: [11, 12], uma: [11, 12] };
    for (const [who, groups] of Object.entries(MINE)) {
        it(`${who} lists ${groups.join(', ')}, however it asks`, async () => {
            const client = roster.as(TOKEN[who]);
            for (const query of ['', '?size=100', '?sortBy=name&size=100', '?search=', '?includeUsers=true'])
                assert.deepEqual(
                    ids(await client.get(GROUPS + query)).sort((a, b) => a - b),
                    groups,
                );
        });
    }
    it('two organizations have a group of the same name; each finds its own', async () => {
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(`${GROUPS}?search=red`)), [1]);
        assert.deepEqual(ids(await roster.as(TOKEN.umbrella).get(`${GROUPS}?search=red`)), [11]);
    });
    it('a name only the other organization has is not found, and is free', async () => {
        const client = roster.as(TOKEN.service);
        assertJson(await client.get(`${GROUPS}?search=black`), []);
        const answer = await client.post(GROUPS, { name: 'Black' });
        assert.equal(answer.status, 200);
        assert.equal((await client.delete(`${GROUPS}/${answer.json}`)).text, '{}');
    });
    it('the other organization works as well as ever', async () => {
        const client = roster.as(TOKEN.umbrella);
        assert.deepEqual(await members(client, 11), [[12, true]]);
        assertError(await client.get(`${GROUPS}/1`), 'UserGroupNotFound');
        assertError(await client.post(`${GROUPS}/11/users/1`), 'GroupAndUserNotInSameAccount');
    });
});
