// A credential never learns anything of another organization: what is foreign is answered byte for byte like what does not
// exist.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, assertJson, GROUPS, ids, members } from './support/bold.mjs';
import { secret, TOKEN } from './support/objects.mjs';
import * as passbolt from './support/passbolt.mjs';
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

const people = await passbolt.makePeople(['ada', 'max', 'uma']);

let roster, exported;
before(async () => {
    roster = await serveObjects(passbolt.passboltWorld(people));
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

describe('Passbolt: sessions and tokens', () => {
    const NOBODYS = { group: secret(4711), user: secret(4712), membership: secret(4713) };
    const FOREIGN = { group: passbolt.groupId(11), user: passbolt.userId(12) }; // and the membership, when it is known
    const OWN = passbolt.groupId(1); // which Max manages
    const ALL = ['modifier.profile', 'users', 'groups_users.user.profile', 'groups_users.user.gpgkey', 'my_group_user'];
    const EVERYTHING = ALL.map((name) => `contain[${name}]=1`).join('&');

    const CALLS = {
        'see the group': (client, { group }) => client.get(`/groups/${group}.json`),
        'see everything of it': (client, { group }) => client.get(`/groups/${group}.json?${EVERYTHING}`),
        'rename it': (client, { group }) => client.put(`/groups/${group}.json`, { name: 'Taken over' }),
        'rename it to its own name': (client, { group }) => client.put(`/groups/${group}.json`, { name: 'Red' }),
        'change nothing of it': (client, { group }) => client.put(`/groups/${group}.json`, {}),
        'join it': (client, { group }) =>
            client.put(`/groups/${group}.json`, { groups_users: [{ user_id: passbolt.userId(2), is_admin: true }] }),
        'throw somebody out': (client, { group, membership }) =>
            client.put(`/groups/${group}.json`, { groups_users: [{ id: membership, delete: true }] }),
        'try to join it': (client, { group }) =>
            client.put(`/groups/${group}/dry-run.json`, { groups_users: [{ user_id: passbolt.userId(2) }] }),
        'delete it': (client, { group }) => client.delete(`/groups/${group}.json`),
        'try to delete it': (client, { group }) => client.delete(`/groups/${group}/dry-run.json`),
        'add the user to the own group': (client, { user }) =>
            client.put(`/groups/${OWN}.json`, { groups_users: [{ user_id: user }] }),
        'try to add the user': (client, { user }) =>
            client.put(`/groups/${OWN}/dry-run.json`, { groups_users: [{ user_id: user }] }),
        'make somebody of it a manager': (client, { membership }) =>
            client.put(`/groups/${OWN}.json`, { groups_users: [{ id: membership, is_admin: true }] }),
        'remove its membership from the own group': (client, { membership }) =>
            client.put(`/groups/${OWN}.json`, { groups_users: [{ id: membership, delete: true }] }),
        'make a group with the user': (client, { user }) =>
            client.post('/groups.json', { name: 'Intruders', groups_users: [{ user_id: user, is_admin: true }] }),
        'see the user': (client, { user }) => client.get(`/users/${user}.json`),
        'list the groups of the user': (client, { user }) => client.get(`/groups.json?filter[has-users]=${user}`),
        'list the groups that the user manages': (client, { user }) => client.get(`/groups.json?filter[has-managers][]=${user}`),
    };

    /* What differs between two answers by nature: the ids that were asked for, the time, and the request's own id. */
    function comparable(answer, names) {
        const { header, body } = answer.json;
        const plain = (value) => {
            const text = JSON.stringify(value);
            return Object.entries(names).reduce((rest, [name, id]) => rest.replaceAll(id, name), text);
        };
        return {
            header: plain({ ...header, id: undefined, servertime: undefined }),
            body: plain(body),
            headers: answer.headers.filter(([name]) => !['date', 'content-length'].includes(name.toLowerCase())),
        };
    }

    const clients = {};
    let exported;
    before(async () => {
        for (const name of ['ada', 'max', 'uma']) clients[`the session of ${name}`] = await passbolt.logIn(roster, people[name]);
        clients["ada's token"] = await passbolt.jwtLogIn(roster, people.ada);
        clients["uma's token"] = await passbolt.jwtLogIn(roster, people.uma);
        for (const name of ['ada', 'max', 'service', 'umbrella'])
            clients[`${name}'s credential`] = roster.as(TOKEN[name]);
        const answer = await clients['the session of uma'].get(`/groups/${FOREIGN.group}.json?contain[groups_users]=1`);
        FOREIGN.membership = passbolt.assertSuccess(answer).groups_users[0].id;
        exported = await roster.export();
    });

    for (const who of ['the session of ada', 'the session of max', "ada's token", "max's credential", "service's credential"]) {
        for (const [what, call] of Object.entries(CALLS)) {
            it(`${who}: ${what}`, async () => {
                const foreign = comparable(await call(clients[who], FOREIGN), FOREIGN),
                    nobodys = comparable(await call(clients[who], NOBODYS), NOBODYS);
                assert.deepEqual(foreign, nobodys);
                assert.doesNotMatch(foreign.body, /Umbrella|Black|Uma|Ulf|uma@|ulf@/);
            });
        }
    }
    it('and nothing of all this changed anything', async () => roster.assertExportIs(exported));

    const HOME = {
        'the session of ada': 'Acme',
        'the session of max': 'Acme',
        "ada's token": 'Acme',
        "service's credential": 'Acme',
        'the session of uma': 'Umbrella',
        "uma's token": 'Umbrella',
        "umbrella's credential": 'Umbrella',
    };
    const GROUPS_OF = { Acme: [1, 2, 3], Umbrella: [11, 12] };
    const USERS_OF = { Acme: [1, 2, 3, 4, 5], Umbrella: [11, 12] };
    for (const [who, home] of Object.entries(HOME)) {
        it(`${who} lists what is of ${home}, however it asks`, async () => {
            const client = clients[who];
            for (const query of ['', '?api-version=v2', `?${EVERYTHING}`]) {
                const groups = passbolt.assertSuccess(await client.get(`/groups.json${query}`));
                assert.deepEqual(groups.map(({ id }) => id).sort(), GROUPS_OF[home].map(passbolt.groupId));
                for (const { groups_users = [], users = [] } of groups)
                    for (const id of [...groups_users.map(({ user_id }) => user_id), ...users.map((user) => user.id)])
                        assert.ok(USERS_OF[home].map(passbolt.userId).includes(id), `${id} is not of ${home}`);
            }
            const users = passbolt.assertSuccess(await client.get('/users.json'));
            const expected = USERS_OF[home].filter((n) => n !== 5 || !who.includes('max')); // Ines is not active
            assert.deepEqual(users.map(({ id }) => id).sort(), expected.map(passbolt.userId));
        });
    }
    it('a name that only the other organization has is free', async () => {
        const client = clients['the session of ada'];
        const groups_users = [{ user_id: people.ada.id, is_admin: true }];
        const { id } = passbolt.assertSuccess(await client.post('/groups.json', { name: 'Black', groups_users }));
        passbolt.assertSuccess(await client.delete(`/groups/${id}.json`));
    });
    it("a refresh token is of no use with a foreign user's id, and not spent by it", async () => {
        const { refreshToken } = clients["ada's token"];
        const refresh = (user_id) =>
            new passbolt.PassboltClient(roster).post('/auth/jwt/refresh.json', { user_id, refresh_token: refreshToken });
        const foreign = comparable(await refresh(people.uma.id), { user: people.uma.id });
        assert.deepEqual(foreign, comparable(await refresh(NOBODYS.user), NOBODYS));
        assert.equal(JSON.parse(foreign.header).code, 401);
        passbolt.assertSuccess(await refresh(people.ada.id));
    });
    it('the other organization works as well as ever', async () => {
        const client = clients['the session of uma'];
        assert.deepEqual(await passbolt.members(client, FOREIGN.group), { ulf: true });
        passbolt.assertError(await client.get(`/groups/${OWN}.json`), 404, 'The group does not exist.');
        passbolt.assertError(await client.get(`/users/${people.ada.id}.json`), 404, 'The user does not exist.');
        passbolt.assertError(await client.delete(`/groups/${OWN}.json`), 404);
    });
    it('where one organization may log in, a key of another is as unknown', async () => {
        await roster.restart(['--passbolt-organization=1']);
        const stranger = new passbolt.PassboltClient(roster);
        const begin = (keyid) => stranger.post('/auth/login.json', { gpg_auth: { keyid } });
        const { fingerprint } = people.uma;
        assert.deepEqual(comparable(await begin(fingerprint), {}), comparable(await begin('0'.repeat(40)), {}));
        const { message } = await passbolt.makeChallenge(
            new passbolt.PassboltClient(roster, people.uma),
            await passbolt.learnServerKey(new passbolt.PassboltClient(roster, people.uma)),
        );
        const challenge = (user_id) => stranger.post('/auth/jwt/login.json', { user_id, challenge: message });
        assert.deepEqual(comparable(await challenge(people.uma.id), {}), comparable(await challenge(NOBODYS.user), {}));
        await passbolt.logIn(roster, people.ada);
    });
});
