// Changing and deleting groups of Passbolt's API, in both profiles: docs/passbolt.md 2.3 and 2.6. Making them is in
// passbolt-create.test.mjs. Every test makes a group of its own.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertGroup,
    assertSuccess,
    groupId,
    members,
    PassboltClient,
    phpJson,
    servePassboltWithGone,
    userId,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';
import { sleep } from './support/wait.mjs';

const rosters = { 5: new Roster(), 2: new Roster() };

before(async () => {
    for (const profile of [5, 2]) await servePassboltWithGone(profile, rosters[profile]);
});
after(() => Promise.all(Object.values(rosters).map((roster) => roster.stop())));

const [ada, max, mia, nils, ines, , , , gone] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(userId);
const unknown = '5f0f1a2b-0000-4000-8000-000000000000';
const VERSION_7 = '01890a5d-ac96-774b-bcce-b302099a8057';
const INVALID = 'Could not validate group data.';
const FORBIDDEN = 'You are not authorized to access that location.';

/* A group that people are in, as { max: true, mia: false }; gives its name, its paths, and memberships by name. */
let made = 0;
async function newGroup(profile, people = { max: true, mia: false }) {
    const as = (who) => withCredential(rosters[profile], TOKEN[who]);
    const name = `Group ${++made}`;
    const ids = { ada, max, mia, nils };
    const groups_users = Object.entries(people).map(([who, is_admin]) => ({ user_id: ids[who], is_admin }));
    const { id, groups_users: memberships } = assertSuccess(await as('ada').post('/groups.json', { name, groups_users }));
    const found = Object.entries(people).map(([who]) => [who, memberships.find(({ user_id }) => user_id === ids[who]).id]);
    return {
        id,
        name,
        as,
        m: Object.fromEntries(found),
        put: (who, body) => as(who).put(`/groups/${id}.json`, body),
        tryPut: (who, body) => as(who).put(`/groups/${id}/dry-run.json`, body),
        delete: (who, body) => as(who).delete(`/groups/${id}.json`, body),
        tryDelete: (who, body) => as(who).delete(`/groups/${id}/dry-run.json`, body),
        members: () => members(as('ada'), id),
        get: async () => {
            const { groups_users, ...own } = assertSuccess(await as('ada').get(`/groups/${id}.json`)); // these only in profile 2
            return own;
        },
    };
}

/* It was refused for what is wrong with it: `problems`, to the byte. */
function assertProblems(answer, problems, action) {
    assertError(answer, 400, INVALID, { action });
    assert.equal(answer.text.slice(answer.text.indexOf('"body":') + 7, -1), phpJson(problems));
}

for (const profile of [5, 2])
    describe(`a change in profile ${profile}`, () => {
        const P2 = profile === 2;

        // Who asks, the change of { max: true, mia: false } with its memberships `m`, what comes of it.
        const SAME = { max: true, mia: false };
        const KINDS = [
            ['max', 'adds', () => ({ user_id: nils }), { ...SAME, nils: false }],
            ['max', 'adds a manager', () => ({ user_id: nils, is_admin: true }), { ...SAME, nils: true }],
            ['max', 'adds with an empty user', () => ({ user_id: nils, user: {}, secrets: [] }), { ...SAME, nils: false }],
            ['max', 'adds by an id in capitals', () => ({ user_id: nils.toUpperCase() }), { ...SAME, nils: false }],
            ['max', 'makes a manager', (m) => ({ id: m.mia, is_admin: true }), { max: true, mia: true }],
            ['max', 'leaves a manager one', (m) => ({ id: m.max, is_admin: true }), SAME],
            ['max', 'leaves a member one', (m) => ({ id: m.mia, is_admin: false }), SAME],
            ['max', 'removes', (m) => ({ id: m.mia, delete: true }), { max: true }],
            ['max', 'removes, whatever delete says', (m) => ({ id: m.mia, delete: false }), { max: true }],
            ['max', 'removes by an id in capitals', (m) => ({ id: m.mia.toUpperCase(), delete: 1 }), { max: true }],
            ['max', 'does nothing with an id alone', (m) => ({ id: m.mia }), SAME],
            ['max', 'does nothing with nothing', () => ({}), SAME],
            ['max', 'does nothing with a role alone', () => ({ is_admin: true }), SAME],
            ['max', 'does nothing with delete alone', () => ({ delete: true }), SAME],
            ['max', 'does nothing with user and delete', () => ({ user_id: mia, delete: true }), SAME],
            ['max', 'does nothing with id and user', (m) => ({ id: m.mia, user_id: mia }), SAME],
            ['max', 'does nothing with id, user and role', (m) => ({ id: m.mia, user_id: mia, is_admin: true }), SAME],
            ['max', 'does nothing with id, role and delete', (m) => ({ id: m.mia, is_admin: true, delete: true }), SAME],
            ['max', 'does nothing with id, user and delete', (m) => ({ id: m.mia, user_id: mia, delete: true }), SAME],
            ['ada', 'adds nobody to a group she does not manage', () => ({ user_id: nils }), SAME],
            ['ada', 'is not told of users she cannot add', () => ({ user_id: unknown }), SAME],
            ['ada', 'makes a manager', (m) => ({ id: m.mia, is_admin: true }), { max: true, mia: true }],
            ['ada', 'removes', (m) => ({ id: m.mia, delete: true }), { max: true }],
        ];
        for (const [who, what, make, expected] of KINDS)
            it(`${who} ${what}`, async () => {
                const group = await newGroup(profile);
                const about = { action: ACTION.update, title: 'app_groups_update_success' };
                const answer = await group.put(who, { groups_users: [make(group.m)] });
                const body = assertSuccess(answer, { ...about, message: 'The operation was successful.' });
                assertGroup(body, ['groups_users']);
                for (const { user } of body.groups_users) assert.ok(user.profile.first_name && user.profile.last_name);
                assert.deepEqual(await group.members(), expected);
            });
        it('an administrator who manages the group adds', async () => {
            const group = await newGroup(profile, { ada: true });
            assertSuccess(await group.put('ada', { groups_users: [{ user_id: nils }] }));
            assert.deepEqual(await group.members(), { ada: true, nils: false });
        });
        it('the older layout is read', async () => {
            const group = await newGroup(profile);
            const GroupUsers = [{ GroupUser: { user_id: nils, is_admin: 1 } }, { GroupUser: { id: group.m.mia, delete: 1 } }];
            assertSuccess(await group.put('max', { Group: { name: 'x' }, GroupUsers, Secrets: [] }));
            assert.deepEqual(await group.members(), { max: true, nils: true });
        });

        // --- several changes ---

        it('managers are made before others are unmade', async () => {
            const group = await newGroup(profile);
            const groups_users = [
                { id: group.m.max, is_admin: false },
                { id: group.m.mia, is_admin: true },
            ];
            assertSuccess(await group.put('max', { groups_users }));
            assert.deepEqual(await group.members(), { max: false, mia: true });
        });
        it('users are added before others are removed, the caller among them', async () => {
            const group = await newGroup(profile);
            const groups_users = [{ id: group.m.max, delete: true }, { user_id: nils, is_admin: true }];
            assertSuccess(await group.put('max', { groups_users }));
            assert.deepEqual(await group.members(), { mia: false, nils: true });
            assertError(await group.put('max', {}), 403, FORBIDDEN);
        });
        it('is all or nothing, the name included', async () => {
            const group = await newGroup(profile, { ada: true, mia: false });
            const before = await group.get();
            const fine = [{ user_id: nils }, { id: group.m.mia, is_admin: true }];
            for (const wrong of [{ user_id: unknown }, { id: unknown, delete: true }, { id: 'nonsense' }, { user_id: mia }]) {
                const answer = await group.put('ada', { name: `${group.name} b`, groups_users: [...fine, wrong] });
                assertError(answer, 400, INVALID);
                assert.deepEqual(await group.members(), { ada: true, mia: false });
                assert.deepEqual(await group.get(), before);
            }
        });
        it('of the same user twice adds nobody', async () => {
            const group = await newGroup(profile);
            const answer = await group.put('max', { groups_users: [{ user_id: nils }, { user_id: nils, is_admin: true }] });
            const text = 'The user is already member of this group.';
            assertProblems(answer, { groups_users: { 1: { group_id: { group_user_unique: text } } } });
            assert.deepEqual(await group.members(), SAME);
        });

        it('at the same time as another leaves the group a manager', async () => {
            const group = await newGroup(profile, { max: true, mia: true });
            const remove = (who, whom) => group.put(who, { groups_users: [{ id: group.m[whom], delete: true }] });
            const both = ['max', 'mia'].flatMap((who) => ['mia', 'max'].map((whom) => remove(who, whom)));
            const answers = await Promise.all(both);
            assert.equal(answers.filter(({ status }) => status === 200).length, 1);
            for (const { status } of answers) assert.ok([200, 400, 403].includes(status), `${status}`);
            const left = await group.members();
            assert.deepEqual(Object.values(left), [true], JSON.stringify(left));
        });
        it('of more than 10,000 memberships is refused', async () => {
            const group = await newGroup(profile);
            const answer = await group.put('max', { groups_users: Array(10_001).fill({ user_id: nils }) });
            assertError(answer, 400, undefined, { action: ACTION.update });
            assert.deepEqual(await group.members(), SAME);
        });

        // --- what is wrong with it ---

        const LAST = { is_admin: { at_least_one_group_manager: 'Cannot delete the last group manager.' } };
        const MISSING = { id: { exists: 'Cannot find the group user.' } };
        const nobody = 'The user does not exist.';
        const ID = 'The identifier should be a valid UUID.';
        const USER = 'The user identifier should be a valid UUID.';
        const BOOLEAN = 'The delete status should be a valid boolean.';
        const secret = { resource_id: unknown, data: '-----BEGIN PGP MESSAGE-----' };
        const WRONG = [
            ['the last manager is unmade', (m) => ({ id: m.max, is_admin: false }), LAST],
            ['the last manager is removed', (m) => ({ id: m.max, delete: true }), LAST],
            ['an unknown membership changes', () => ({ id: unknown, is_admin: true }), MISSING],
            ['an unknown membership is removed', () => ({ id: unknown, delete: true }), MISSING],
            ['the nil membership is removed', () => ({ id: '00000000-0000-0000-0000-000000000000', delete: true }), MISSING],
            [
                'a member is added',
                () => ({ user_id: mia }),
                { group_id: { group_user_unique: 'The user is already member of this group.' } },
            ],
            [
                'an unknown user is added',
                () => ({ user_id: unknown }),
                { user_id: { user_exists: nobody, user_is_not_soft_deleted: nobody, user_is_active: nobody } },
            ],
            ['a user who is not active is added', () => ({ user_id: ines }), { user_id: { user_is_active: nobody } }],
            ['an id is malformed', () => ({ id: 'x', is_admin: true }), { id: { uuid: ID } }],
            ['an id is a number', () => ({ id: 1, delete: true }), { id: { uuid: ID } }],
            ['a user id is malformed', () => ({ user_id: 'x' }), { user_id: { uuid: USER } }],
            ['a user id is of version 7', () => ({ user_id: VERSION_7 }), { user_id: { uuid: USER } }],
            ['delete is no boolean', (m) => ({ id: m.mia, delete: 'x' }), { delete: { boolean: BOOLEAN } }],
            ['is_admin is no boolean', (m) => ({ id: m.mia, is_admin: 2 }), { is_admin: { boolean: BOOLEAN } }],
            ['what would be ignored is malformed', (m) => ({ id: m.mia, user_id: 'x', delete: 1 }), { user_id: { uuid: USER } }],
        ];
        for (const [what, make, problem] of WRONG)
            it(`is refused if ${what}`, async () => {
                const group = await newGroup(profile);
                const alone = await group.put('max', { groups_users: [make(group.m)] });
                assertProblems(alone, { groups_users: [problem] }, ACTION.update);
                const groups_users = [{ id: group.m.mia, is_admin: false }, make(group.m)];
                assertProblems(await group.put('max', { groups_users }), { groups_users: { 1: problem } });
                assert.deepEqual(await group.members(), SAME);
            });
        it('is refused if a deleted user is added', async () => {
            const group = await newGroup(profile);
            const { groups_users } = assertError(await group.put('max', { groups_users: [{ user_id: gone }] }), 400, INVALID);
            assert.equal(groups_users[0].user_id.user_is_not_soft_deleted, nobody);
            assert.equal(groups_users[0].user_id.user_exists, undefined);
        });
        it("is refused if a membership is another group's", async () => {
            const [group, other] = [await newGroup(profile), await newGroup(profile)];
            for (const more of [{ delete: true }, { is_admin: true }]) {
                const answer = await group.put('max', { groups_users: [{ id: other.m.mia, ...more }] });
                assertProblems(answer, { groups_users: [MISSING] });
            }
            assert.deepEqual(await other.members(), SAME);
        });
        it('is checked for its form even where it is ignored', async () => {
            const group = await newGroup(profile);
            const answer = await group.put('ada', { groups_users: [{ user_id: 'x' }] });
            assertProblems(answer, { groups_users: [{ user_id: { uuid: USER } }] });
        });
        it('takes no secrets, as there is nothing secret', async () => {
            const group = await newGroup(profile);
            const body = { groups_users: [{ user_id: nils }], secrets: [{ ...secret, user_id: nils }] };
            const only_missing = 'The user already has a secret for the resource.';
            assertProblems(await group.put('max', body), { groups_users: [{ secrets: [{ resource_id: { only_missing } }] }] });
            assert.deepEqual(await group.members(), SAME);
            assertSuccess(await group.put('max', { ...body, secrets: [] }));
        });

        // --- the name ---

        it('by an administrator renames, and tells when and by whom', async () => {
            const group = await newGroup(profile);
            const before = await group.get();
            await sleep(1100); // dates are in whole seconds
            assertSuccess(await group.put('max', { name: 'Not his', groups_users: [{ user_id: nils }] }));
            assert.deepEqual(await group.get(), before);
            const name = `${group.name} – renamed`;
            const renamed = assertSuccess(await group.put('ada', { name }));
            assert.deepEqual([renamed.name, renamed.modified_by, renamed.created], [name, ada, before.created]);
            assert.ok(renamed.modified > before.modified);
            const again = assertSuccess(await group.put('ada', { name }));
            assert.equal(again.modified, renamed.modified);
        });
        for (const name of ['', '0', null, 0, false, [], undefined])
            it(`to ${JSON.stringify(name)} keeps the name`, async () => {
                const group = await newGroup(profile);
                assert.equal(assertSuccess(await group.put('ada', { name })).name, group.name);
            });
        it('to the same name in other letters is one', async () => {
            const group = await newGroup(profile);
            const name = group.name.toUpperCase();
            assert.equal(assertSuccess(await group.put('ada', { name })).name, name);
        });

        const NAMES = [
            ['taken', 'Red', 'group_unique', 'The name is already used by another group.'],
            ['taken in other letters', 'rED', 'group_unique', 'The name is already used by another group.'],
            ['longer than 255', '😀'.repeat(256), 'maxLength', 'The name length should be maximum 255 characters.'],
            ['blank', '  ', '_empty', 'The name should not be empty.'],
            ['with a control character', 'a\u0007b', 'utf8Extended', 'The name should be a valid UTF8 string.'],
        ];
        const IN_2 = {
            group_unique: ['group_unique', 'The name provided is already used by another group.'],
            maxLength: ['lengthBetween', 'The name length should be maximum 255 characters.'],
            _empty: ['_empty', 'The name cannot be empty.'],
            utf8Extended: ['utf8Extended', 'The name is not a valid utf8 string.'],
        };
        for (const [what, name, rule, text] of NAMES)
            it(`to a name that is ${what} is refused`, async () => {
                const group = await newGroup(profile);
                const [itsRule, itsText] = P2 ? IN_2[rule] : [rule, text];
                assertProblems(await group.put('ada', { name }), { name: { [itsRule]: itsText } }, ACTION.update);
                assert.equal((await group.get()).name, group.name);
                assertSuccess(await group.put('max', { name })); // whose name counts for nothing
            });

        // --- who may, and in which order it is looked at ---

        it('of a group is for its managers and administrators', async () => {
            const group = await newGroup(profile);
            for (const who of ['mia', 'nils'])
                for (const answer of [await group.put(who, {}), await group.tryPut(who, {})])
                    assert.equal(assertError(answer, 403, FORBIDDEN), '');
            for (const who of ['ada', 'max', 'service']) assertSuccess(await group.put(who, {}));
            assertError(await group.put('uma', {}), 404, 'The group does not exist.');
            const [code, message] = P2
                ? [403, 'You need to login to access this location.']
                : [401, 'Authentication is required to continue'];
            const nobody = new PassboltClient(rosters[profile]);
            assertError(await nobody.put(`/groups/${group.id}.json`, {}), code, message, { action: ACTION.update });
        });
        it('a malformed or unknown id is told to anybody, a deleted group to administrators', async () => {
            const group = await newGroup(profile);
            assertSuccess(await group.delete('ada'));
            for (const suffix of ['', '/dry-run']) {
                const put = (who, id) => group.as(who).put(`/groups/${id}${suffix}.json`, {});
                assertError(await put('nils', 'nonsense'), 400, 'The group id is not valid.');
                assertError(await put('nils', VERSION_7), 400, 'The group id is not valid.');
                assertError(await put('nils', groupId(99)), 404, 'The group does not exist.');
                assertError(await put('max', group.id), 403, FORBIDDEN);
                assertError(await put('ada', group.id), 404, 'The group does not exist.');
            }
        });
        it('that is malformed changes nothing, one that is empty neither', async () => {
            const group = await newGroup(profile);
            const send = (body) => group.as('max').request('PUT', `/groups/${group.id}.json`, { body });
            for (const body of ['{', 'null', '{"groups_users":[{"user_id":', '{"a":1}{"b":2}', Buffer.from([0x22, 0xff, 0x22])])
                assertError(await send(body), 400, 'Bad Request', { action: ACTION.update });
            for (const groups_users of ['x', 5, true, ['x'], [null], [[]]])
                assertError(await group.put('max', { groups_users }), 400, 'Bad Request');
            assertSuccess(await send(''));
            for (const secrets of ['x', [null, 5], {}]) assertSuccess(await group.put('max', { secrets }));
            assert.deepEqual(await group.members(), SAME);
        });

        // --- dry runs ---

        it('tried changes nothing', async () => {
            const group = await newGroup(profile);
            const nothing = { 'dry-run': { SecretsNeeded: [], Secrets: [] } };
            const about = { action: ACTION.updateDryRun, title: 'app_groups_dryRun_success' };
            const bodies = [
                {},
                { name: 'Red', groups_users: [{ user_id: nils }] },
                { groups_users: [{ id: group.m.max, delete: true }] },
                { groups_users: [{ id: unknown, is_admin: true }] },
            ];
            for (const body of bodies)
                for (const who of ['max', 'ada'])
                    assert.deepEqual(assertSuccess(await group.tryPut(who, body), about), nothing);
            assert.deepEqual(await group.members(), SAME);
        });
        it('tried tells of users and of malformed changes', async () => {
            const group = await newGroup(profile);
            const user_exists = ['Cannot find the user.'];
            const problem = { groups_users: [{ user_id: { user_exists } }] };
            for (const user_id of [unknown, gone, ines])
                assertProblems(await group.tryPut('max', { groups_users: [{ user_id }] }), problem, ACTION.updateDryRun);
            assertSuccess(await group.tryPut('ada', { groups_users: [{ user_id: unknown }] }));
            for (const who of ['max', 'ada']) {
                const answer = await group.tryPut(who, { groups_users: [{ id: 'x', delete: true }] });
                assertProblems(answer, { groups_users: [{ id: { uuid: ID } }] });
            }
        });
    });

// --- delete ---

for (const profile of [5, 2])
    describe(`deleting in profile ${profile}`, () => {
        const MALFORMED =
            profile === 2 ? 'The group id must be a valid uuid.' : 'The group identifier should be a valid UUID.';
        const GONE = 'The group does not exist or has been already deleted.';

        for (const who of ['ada', 'max', 'service'])
            it(`is for ${who}`, async () => {
                const group = await newGroup(profile);
                const tried = await group.tryDelete(who);
                const about = { action: ACTION.deleteDryRun, title: 'app_groups_dryRun_success' };
                assert.deepEqual(assertSuccess(tried, { ...about, message: 'The group can be deleted.' }), []);
                assert.deepEqual(await group.members(), { max: true, mia: false });
                const done = { action: ACTION.delete, title: 'app_groups_delete_success' };
                const answer = await group.delete(who);
                assert.equal(assertSuccess(answer, { ...done, message: 'The group was deleted successfully.' }), null);
                assertError(await group.as('ada').get(`/groups/${group.id}.json`), 404, 'The group does not exist.');
                const all = assertSuccess(await group.as('ada').get('/groups.json'));
                assert.equal(all.some(({ id }) => id === group.id), false);
            });

        it('asks first who may, then for the id, then for the group', async () => {
            const group = await newGroup(profile);
            const other = await newGroup(profile);
            assertSuccess(await other.delete('max'));
            for (const suffix of ['', '/dry-run']) {
                const remove = (who, id) => group.as(who).delete(`/groups/${id}${suffix}.json`);
                for (const who of ['nils', 'mia', 'max'])
                    for (const id of ['nonsense', VERSION_7, groupId(99), other.id])
                        assert.equal(assertError(await remove(who, id), 403, FORBIDDEN), '');
                for (const who of ['nils', 'mia']) assertError(await remove(who, group.id), 403, FORBIDDEN);
                for (const id of ['nonsense', VERSION_7]) assertError(await remove('ada', id), 400, MALFORMED);
                for (const id of [groupId(99), other.id]) assertError(await remove('ada', id), 404, GONE);
            }
            assert.deepEqual(await group.members(), { max: true, mia: false });
        });

        it('hands nothing over, as there is nothing', async () => {
            const group = await newGroup(profile);
            const refused = [
                [[{ id: unknown, aco_foreign_key: unknown }], 'The transfer is not authorized'],
                [[{ id: 'nonsense', aco_foreign_key: unknown }], 'The permissions identifiers must be valid UUID.'],
                [[{ aco_foreign_key: unknown }], 'The permissions identifiers must be valid UUID.'],
            ];
            for (const [owners, message] of refused)
                for (const send of [group.tryDelete, group.delete])
                    assertError(await send('max', { transfer: { owners } }), 400, message);
            assertError(await group.delete('nils', { transfer: { owners: refused[0][0] } }), 403, FORBIDDEN);
            for (const body of [{}, { transfer: {} }, { transfer: { owners: [] } }])
                assertSuccess(await group.tryDelete('max', body));
            assertSuccess(await group.delete('max', { transfer: { owners: [] } }));
        });

        it('frees the name, again and again', async () => {
            const group = await newGroup(profile);
            const body = { name: group.name, groups_users: [{ user_id: max, is_admin: true }] };
            for (let { id } = group, round = 0; round < 3; round++) {
                assertSuccess(await group.as('ada').delete(`/groups/${id}.json`));
                ({ id } = assertSuccess(await group.as('ada').post('/groups.json', body)));
            }
        });
        it('takes the group from its members', async () => {
            const group = await newGroup(profile, { max: true, nils: false });
            assertSuccess(await group.delete('max'));
            const listed = assertSuccess(await group.as('ada').get(`/groups.json?filter[has-users]=${nils}`));
            assert.equal(listed.some(({ id }) => id === group.id), false);
            const { groups_users } = assertSuccess(await group.as('ada').get(`/users/${nils}.json`));
            assert.equal(groups_users.some(({ group_id }) => group_id === group.id), false);
        });
    });
