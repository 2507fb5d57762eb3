// What clients of Passbolt's API ask besides groups: users, settings, resources, health, in both profiles: docs/passbolt.md 2.9.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { DATE, TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertSuccess,
    groupId,
    logIn,
    makePeople,
    PassboltClient,
    passboltWorld,
    servePassbolt,
    userId,
    UUID,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

const people = await makePeople(['max', 'mia']);
const { max, mia } = people;
const rosters = { 5: new Roster(), 2: new Roster() };

before(async () => {
    const gone = { type: 'user', organizationId: 1, id: 9, uuid: userId(9), dateCreated: DATE };
    for (const profile of [5, 2]) {
        const roster = rosters[profile];
        await roster.import([...passboltWorld(people), gone]);
        await roster.import([{ type: 'user', organizationId: 1, id: 9, delete: true }]);
        await servePassbolt(null, profile, [], roster);
    }
});
after(() => Promise.all(Object.values(rosters).map((roster) => roster.stop())));

const CREATED = '2026-03-10T09:32:05+00:00';
const ACTIVE = [1, 2, 3, 4].map(userId);

/* In what order the members of a user by itself are. */
const MEMBERS = {
    5: ['id', 'role_id', 'username', 'active', 'deleted', 'disabled', 'last_logged_in', 'created', 'modified'],
    2: ['id', 'role_id', 'username', 'active', 'deleted', 'created', 'modified'],
};
const ASSOCIATED = ['role', 'profile', 'gpgkey', 'groups_users'];

for (const profile of [5, 2])
    describe(`users in profile ${profile}`, () => {
        const as = (who) => withCredential(rosters[profile], TOKEN[who]);
        const about = { action: ACTION.viewUser, title: 'app_users_view_error' };

        it('are those who are active; administrators see the others, too, nobody the deleted', async () => {
            const ids = async (who) => {
                const answer = await as(who).get('/users.json');
                const users = assertSuccess(answer, { action: ACTION.listUsers, title: 'app_users_index_success' });
                return users.map(({ id }) => id).sort();
            };
            for (const who of ['mia', 'max', 'nils']) assert.deepEqual(await ids(who), ACTIVE);
            assert.deepEqual(await ids('ada'), [...ACTIVE, userId(5)]);
        });
        it('are one, with role, profile, key and memberships', async () => {
            const user = assertSuccess(await as('max').get(`/users/${mia.id}.json`), { action: ACTION.viewUser });
            const names = Object.keys(user);
            assert.deepEqual(names.slice(0, MEMBERS[profile].length), MEMBERS[profile]);
            const rest = names.slice(MEMBERS[profile].length);
            assert.deepEqual(rest.sort(), [...ASSOCIATED, ...(profile === 2 ? ['last_logged_in'] : [])].sort());
            assert.deepEqual(
                [user.id, user.username, user.active, user.deleted, user.created, user.modified, user.last_logged_in],
                [mia.id, 'mia@example.org', true, false, CREATED, CREATED, profile === 2 ? '' : null],
            );
            assert.equal(user.role.id, user.role_id);
            assert.equal(user.role.name, 'user');
            assert.deepEqual([user.profile.first_name, user.profile.last_name], ['Mia', 'Hamm']);
            assert.ok(user.profile.avatar.url.medium && user.profile.avatar.url.small);
            const { fingerprint, armored_key, key_id } = user.gpgkey;
            assert.deepEqual([fingerprint, armored_key, key_id], [mia.fingerprint, mia.publicKey, mia.fingerprint.slice(-16)]);
            const groups = user.groups_users.map(({ group_id, user_id, is_admin }) => [group_id, user_id, is_admin]);
            assert.deepEqual(groups.sort(), [
                [groupId(1), mia.id, false],
                [groupId(2), mia.id, false],
            ]);
            for (const { id } of user.groups_users) assert.match(id, UUID);
        });
        it('know when they logged in, once they did', async () => {
            const begun = Math.floor(Date.now() / 1000) * 1000;
            const client = await logIn(rosters[profile], max);
            const me = assertSuccess(await client.get('/users/me.json'), { action: ACTION.viewUser });
            assert.equal(me.id, max.id);
            assert.ok(Date.parse(me.last_logged_in) >= begun, me.last_logged_in);
            assert.equal(me.modified, CREATED);
            await rosters[profile].kill(); // and it is on disk
            await servePassbolt(null, profile, [], rosters[profile]);
            const again = assertSuccess(await as('mia').get(`/users/${max.id}.json`));
            assert.equal(again.last_logged_in, me.last_logged_in);
        });
        it('are oneself as "me", and by an id in capitals', async () => {
            const mine = assertSuccess(await as('mia').get('/users/me.json'));
            assert.deepEqual(assertSuccess(await as('mia').get(`/users/${mia.id.toUpperCase()}.json`)), mine);
            assert.equal(assertSuccess(await as('ada').get('/users/me.json')).role.name, 'admin');
        });
        it('are refused if they are none', async () => {
            const malformed = {
                5: 'The user identifier should be a valid UUID or "me".',
                2: 'The user id must be a valid uuid or "me".',
            }[profile];
            const missing = 'The user does not exist.';
            for (const id of ['nonsense', '3', '01890a5d-ac96-774b-bcce-b302099a8057'])
                assertError(await as('mia').get(`/users/${id}.json`), 400, malformed, about);
            for (const id of [crypto.randomUUID(), userId(9), userId(5)])
                assertError(await as('mia').get(`/users/${id}.json`), 404, missing, about);
            assertError(await as('uma').get(`/users/${mia.id}.json`), 404, missing, about);
            assertSuccess(await as('ada').get(`/users/${userId(5)}.json`));
        });
        it('are for who is logged in', async () => {
            const [code, message] =
                profile === 2
                    ? [403, 'You need to login to access this location.']
                    : [401, 'Authentication is required to continue'];
            for (const path of ['/users.json', '/users/me.json', `/users/${mia.id}.json`, '/resources.json'])
                assertError(await new PassboltClient(rosters[profile]).get(path), code, message);
        });
    });

for (const profile of [5, 2])
    describe(`the rest in profile ${profile}`, () => {
        const nobody = () => new PassboltClient(rosters[profile]);

        it('settings: little for nobody, more for who is logged in', async () => {
            const few = assertSuccess(await nobody().get('/settings.json'), { action: ACTION.settings });
            assert.deepEqual(Object.keys(few.app).sort(), ['locale', 'url']);
            assert.deepEqual([few.app.url, few.app.locale], [`${rosters[profile].url}/`, 'en-UK']);
            assert.equal(few.passbolt.edition, 'ce');
            assert.ok(few.passbolt.legal);

            const { app, ...rest } = assertSuccess(await withCredential(rosters[profile], TOKEN.mia).get('/settings.json'));
            assert.deepEqual(rest, { passbolt: few.passbolt });
            assert.ok(app.version.number.startsWith(`${profile}.`));
            assert.equal(typeof app.version.name, 'string');
            assert.equal(app.debug, 0);
            assert.equal(app.server_timezone, 'UTC');
            assert.equal(app.session_timeout, 24);
            assert.equal(typeof app.image_storage.public_path, 'string');
        });
        it('settings without the envelope', async () => {
            const bare = await nobody().get('/settings.json?contain[header]=0');
            assert.equal(bare.status, 200);
            assert.deepEqual(bare.json, assertSuccess(await nobody().get('/settings.json?contain[header]=1')));
            assert.equal(bare.header('Content-Type'), 'application/json');
        });
        it('no resources', async () => {
            assert.deepEqual(assertSuccess(await withCredential(rosters[profile], TOKEN.mia).get('/resources.json')), []);
        });
        it('health', async () => {
            const about = { message: 'OK', action: 'f52ecf6c-8e82-5f3d-ab73-f6df46eb71b5' };
            assert.equal(assertSuccess(await nobody().get('/healthcheck/status.json'), about), 'OK');
        });
    });
