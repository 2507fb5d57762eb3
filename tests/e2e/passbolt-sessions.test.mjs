// How long somebody who logged in to Passbolt's API stays so: not longer than the user is there, whoever has the number later, and
// only for as long as the server is one for this organization.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { group, organization, user } from './support/objects.mjs';
import {
    assertError,
    assertSuccess,
    groupId,
    jwtLogIn,
    logIn,
    makePeople,
    PassboltClient,
    passboltWorld,
    userId,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const NOT_LOGGED_IN = 'Authentication is required to continue';
const NO_REFRESH_TOKEN = 'No active refresh token matching the request could be found.';

const people = await makePeople(['ada', 'max']);
let roster;

beforeEach(async () => {
    roster = new Roster();
    await roster.import(passboltWorld(people));
});
afterEach(() => roster.stop());

const assertLoggedOut = async (client, path = '/groups.json') => assertError(await client.get(path), 401, NOT_LOGGED_IN);

/* The same session or token after a restart: the server listens at another port then. */
function again(client) {
    const same = new PassboltClient(roster, client.person);
    return Object.assign(same, { jar: client.jar, accessToken: client.accessToken, refreshToken: client.refreshToken });
}

const refresh = (client) =>
    new PassboltClient(roster).post('/auth/jwt/refresh.json', { user_id: client.person.id, refresh_token: client.refreshToken });

describe('an organization is deleted and another is imported with its numbers', () => {
    const OTHERS = [
        organization(1, 'Others'),
        user(1, 1, { uuid: userId(901), userName: 'olga@example.org', firstName: 'Olga', lastName: 'O', superUser: true }),
        group(1, 4, 'Secret', { uuid: groupId(904) }),
    ];

    /* While the server does not hear of it: for a minute it looks at the database only when it must. */
    for (const [what, login] of Object.entries({ session: logIn, token: jwtLogIn }))
        it(`a ${what} of the old one opens nothing of the new one`, async () => {
            await roster.serve(['--follow-interval-ms', '60000']);
            const ada = await login(roster, people.ada);
            assertSuccess(await ada.get('/groups.json'));
            await roster.import([{ type: 'organization', id: 1, delete: true }]);
            await roster.import(OTHERS);
            const before = await roster.export();
            const groups_users = [{ user_id: people.ada.id, is_admin: true }];
            assertError(await ada.post('/groups.json', { name: 'Mine', groups_users }), 401, NOT_LOGGED_IN); // now it looks
            await assertLoggedOut(ada);
            await assertLoggedOut(ada, `/groups/${groupId(904)}.json`);
            await assertLoggedOut(ada, '/users/me.json');
            await assertLoggedOut(ada, '/resources.json');
            await roster.assertExportIs(before);
        });

    it('is noticed by and by', async () => {
        await roster.serve();
        const [session, token] = [await logIn(roster, people.ada), await jwtLogIn(roster, people.ada)];
        await roster.import([{ type: 'organization', id: 1, delete: true }]);
        await eventually(() => assertLoggedOut(session));
        await eventually(() => assertLoggedOut(token));
        await roster.import(OTHERS);
        await assertLoggedOut(session);
        await assertLoggedOut(token);
    });
});

describe('a user is deleted and lives again', () => {
    const THEM = passboltWorld(people).filter(({ type, id }) => type === 'user' && id === 2);

    it('a session of before has ended, whether the server is restarted or not', async () => {
        await roster.serve();
        const [ada, max] = [await logIn(roster, people.ada), await logIn(roster, people.max)];
        const tokens = await jwtLogIn(roster, people.max);
        await roster.import([{ type: 'user', organizationId: 1, id: 2, delete: true }]);
        await eventually(() => assertLoggedOut(max));
        await assertLoggedOut(max, '/resources.json');
        await roster.import(THEM);
        await eventually(async () => assertSuccess(await ada.get(`/users/${people.max.id}.json`)));
        await assertLoggedOut(max);
        assertError(await refresh(tokens), 401, NO_REFRESH_TOKEN);
        const anew = await logIn(roster, people.max);
        await roster.restart();
        await assertLoggedOut(again(max));
        assertSuccess(await again(anew).get('/groups.json'));
        assertSuccess(await again(ada).get('/groups.json'));
    });
});

describe('passbolt.organization is set when others have logged in before', () => {
    it('their sessions and tokens are nothing until it is unset', async () => {
        await roster.serve();
        const [session, tokens] = [await logIn(roster, people.ada), await jwtLogIn(roster, people.ada)];
        await roster.restart(['--passbolt-organization', '2', '--log-level', 'debug']);
        await assertLoggedOut(again(session));
        await assertLoggedOut(again(tokens));
        assertError(await refresh(tokens), 401, NO_REFRESH_TOKEN);
        assert.match(roster.log, /another organization than that of passbolt\.organization/);
        await roster.restart(['--passbolt-organization', '1']);
        assertSuccess(await again(session).get('/groups.json'));
        assertSuccess(await again(tokens).get('/groups.json'));
        assertSuccess(await refresh(tokens));
    });
});
