// Making groups through Passbolt's API, in both profiles: docs/passbolt.md 2.6, its table of what is wrong row by row.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertGroup,
    assertSuccess,
    PassboltClient,
    phpJson,
    servePassboltWithGone,
    userId,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

const rosters = { 5: new Roster(), 2: new Roster() };

before(async () => {
    for (const profile of [5, 2]) await servePassboltWithGone(profile, rosters[profile]);
});
after(() => Promise.all(Object.values(rosters).map((roster) => roster.stop())));

const [ada, max, mia, , ines, , , , gone] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(userId);
const unknown = '5f0f1a2b-0000-4000-8000-000000000000';
const VERSION_7 = '01890a5d-ac96-774b-bcce-b302099a8057';
const INVALID = 'Could not validate group data.';

const MANAGER = { user_id: max, is_admin: true };
const MANAGED = [MANAGER];

/* Names that no other test has. */
let count = 0;
const newName = () => `New ${++count}`;

// --- what is wrong ---

/* CakePHP's own texts. */
const FRAMEWORK = {
    invalid: 'The provided value is invalid',
    required: 'This field is required',
    empty: 'This field cannot be left empty',
};
const nobody = 'The user does not exist.';

/* What is sent, what is told in profile 5, in profile 2 (if it is not the same). */
const ROWS = [
    [
        'no name',
        { groups_users: MANAGED },
        { name: { _empty: 'The name should not be empty.' } },
        { name: { _required: 'A name is required.' } },
    ],
    [
        'an empty name',
        { name: '', groups_users: MANAGED },
        { name: { _empty: 'The name should not be empty.' } },
        { name: { _empty: 'The name cannot be empty.' } },
    ],
    ...[' \t ', '\u00a0\u3000', '\u2028'].map((name) => [
        `the blank name ${JSON.stringify(name)}`,
        { name, groups_users: MANAGED },
        { name: { _empty: 'The name should not be empty.' } },
        { name: { _empty: 'The name cannot be empty.' } },
    ]),
    [
        'a name with a control character',
        { name: 'a\u0001', groups_users: MANAGED },
        { name: { utf8Extended: 'The name should be a valid UTF8 string.' } },
        { name: { utf8Extended: 'The name is not a valid utf8 string.' } },
    ],
    [
        'a name of 256 characters',
        { name: 'x'.repeat(256), groups_users: MANAGED },
        { name: { maxLength: 'The name length should be maximum 255 characters.' } },
        { name: { lengthBetween: 'The name length should be maximum 255 characters.' } },
    ],
    [
        'a name that is taken',
        { name: 'Red', groups_users: MANAGED },
        { name: { group_unique: 'The name is already used by another group.' } },
        { name: { group_unique: 'The name provided is already used by another group.' } },
    ],
    [
        'a name that is taken in other letters',
        { name: 'rED', groups_users: MANAGED },
        { name: { group_unique: 'The name is already used by another group.' } },
        { name: { group_unique: 'The name provided is already used by another group.' } },
    ],
    ...[undefined, null, [], {}, [{ user_id: max }], [{ user_id: max, is_admin: false }, { user_id: mia, is_admin: 0 }]].map(
        (groups_users) => [
            `no manager but ${JSON.stringify(groups_users)?.replaceAll(/c1d2[-0-9a-f]+/g, 'U')}`,
            { name: 'Unmanaged', groups_users },
            { groups_users: { at_least_one_group_manager: 'A group manager should be provided.' } },
            { groups_users: { at_least_one_admin: 'A group manager must be provided.' } },
        ],
    ),
    [
        'a name that is taken and no manager',
        { name: 'Red', groups_users: [] },
        {
            name: { group_unique: 'The name is already used by another group.' },
            groups_users: { at_least_one_group_manager: 'A group manager should be provided.' },
        },
        {
            name: { group_unique: 'The name provided is already used by another group.' },
            groups_users: { at_least_one_admin: 'A group manager must be provided.' },
        },
    ],
    ...['nonsense', VERSION_7, 5, `${max}0`].map((user_id) => [
        `the user id ${user_id}`,
        { name: 'x', groups_users: [{ user_id, is_admin: true }] },
        { groups_users: [{ user_id: { uuid: 'The user identifier should be a valid UUID.' } }] },
        { groups_users: [{ user_id: { uuid: FRAMEWORK.invalid } }] },
    ]),
    [
        'no user id',
        { name: 'x', groups_users: [{ is_admin: true }] },
        { groups_users: [{ user_id: { _required: 'A user identifier is required.' } }] },
        { groups_users: [{ user_id: { _required: FRAMEWORK.required } }] },
    ],
    [
        'an empty user id',
        { name: 'x', groups_users: [{ user_id: '', is_admin: true }] },
        { groups_users: [{ user_id: { _empty: 'The user identifier should not be empty.' } }] },
        { groups_users: [{ user_id: { _empty: FRAMEWORK.empty } }] },
    ],
    ...['yes', 2, -1, [true]].map((is_admin) => [
        `is_admin ${JSON.stringify(is_admin)}`,
        { name: 'x', groups_users: [{ user_id: max, is_admin }] },
        { groups_users: [{ is_admin: { boolean: 'The group manager status should be a valid boolean.' } }] },
        { groups_users: [{ is_admin: { boolean: FRAMEWORK.invalid } }] },
    ]),
    [
        'an unknown user',
        { name: 'x', groups_users: [{ user_id: unknown, is_admin: true }] },
        { groups_users: [{ user_id: { user_exists: nobody, user_is_not_soft_deleted: nobody, user_is_active: nobody } }] },
    ],
    [
        "another organization's user",
        { name: 'x', groups_users: [MANAGER, { user_id: userId(12) }] },
        {
            groups_users: {
                1: { user_id: { user_exists: nobody, user_is_not_soft_deleted: nobody, user_is_active: nobody } },
            },
        },
    ],
    [
        'a user who is not active',
        { name: 'x', groups_users: [MANAGER, { user_id: ines }] },
        { groups_users: { 1: { user_id: { user_is_active: nobody } } } },
    ],
    [
        'a name and two members that are malformed',
        { name: '', groups_users: [{ user_id: 'x' }, { user_id: max, is_admin: 'x' }] },
        {
            name: { _empty: 'The name should not be empty.' },
            groups_users: [
                { user_id: { uuid: 'The user identifier should be a valid UUID.' } },
                { is_admin: { boolean: 'The group manager status should be a valid boolean.' } },
            ],
        },
        {
            name: { _empty: 'The name cannot be empty.' },
            groups_users: [{ user_id: { uuid: FRAMEWORK.invalid } }, { is_admin: { boolean: FRAMEWORK.invalid } }],
        },
    ],
    [
        'a second member that is malformed: an object, not an array',
        { name: 'x', groups_users: [MANAGER, { user_id: 'x' }] },
        { groups_users: { 1: { user_id: { uuid: 'The user identifier should be a valid UUID.' } } } },
        { groups_users: { 1: { user_id: { uuid: FRAMEWORK.invalid } } } },
    ],
    [
        'what is malformed before what is taken, unmanaged or unknown',
        { name: 'Red', groups_users: [{ user_id: unknown, is_admin: 'x' }] },
        { groups_users: [{ is_admin: { boolean: 'The group manager status should be a valid boolean.' } }] },
        { groups_users: [{ is_admin: { boolean: FRAMEWORK.invalid } }] },
    ],
];

for (const profile of [5, 2])
    describe(`a new group in profile ${profile}`, () => {
        const as = (who) => withCredential(rosters[profile], TOKEN[who]);
        const about = { action: ACTION.add, title: 'app_groups_addPost_error' };
        const names = async () => assertSuccess(await as('ada').get('/groups.json')).map(({ name }) => name);
        const bodyOf = ({ text }) => text.slice(text.indexOf('"body":') + 7, -1);

        async function make(body, query = '') {
            const answer = await as('ada').post(`/groups.json${query}`, body);
            const message = 'The group has been added successfully.';
            return assertSuccess(answer, { message, action: ACTION.add, title: 'app_groups_addPost_success' });
        }

        async function assertRefused(body, problems) {
            const before = await names();
            const answer = await as('ada').post('/groups.json', body);
            assertError(answer, 400, INVALID, about);
            if (problems) assert.equal(bodyOf(answer), phpJson(problems));
            assert.deepEqual(await names(), before);
            return answer.json.body;
        }

        for (const [what, body, in5, in2 = in5] of ROWS)
            it(`with ${what} is refused`, () => assertRefused(body, profile === 2 ? in2 : in5));

        for (const name of [12, true, ['a'], { a: 1 }])
            it(`with the name ${JSON.stringify(name)} is refused`, async () => {
                const { name: rules } = await assertRefused({ name, groups_users: MANAGED });
                const text = profile === 2 ? 'The name is not a valid utf8 string.' : 'The name should be a valid UTF8 string.';
                assert.equal(rules.utf8Extended, text);
            });
        it('with a deleted user is refused', async () => {
            const { groups_users } = await assertRefused({ name: 'x', groups_users: [{ user_id: gone, is_admin: true }] });
            assert.equal(groups_users[0].user_id.user_is_not_soft_deleted, nobody);
            assert.equal(groups_users[0].user_id.user_exists, undefined);
        });
        it('with the same member twice is refused', async () => {
            const { groups_users } = await assertRefused({ name: 'x', groups_users: [MANAGER, { user_id: max }] });
            assert.deepEqual(Object.keys(groups_users), ['1']);
        });

        // --- what is right ---

        it('has its members, and only them; its maker is told', async () => {
            const name = newName();
            const group = await make({ name, groups_users: [MANAGER, { user_id: mia }] });
            assertGroup(group, ['groups_users']);
            assert.deepEqual([group.name, group.created_by, group.modified_by], [name, ada, ada]);
            assert.equal(group.modified, group.created);
            const found = group.groups_users.map(({ user_id, is_admin, ...rest }) => [user_id, is_admin, 'user' in rest]);
            assert.deepEqual(found, [
                [max, true, false],
                [mia, false, false],
            ]);
            assert.ok((await names()).includes(name));
        });
        for (const [name, what] of [
            ['x'.repeat(255), '255 letters'],
            ['😀'.repeat(255), '255 characters outside the BMP'],
            ['\u00e9'.repeat(254), '254 letters of two bytes'],
            ['  blanks around  ', 'blanks around'],
            ['0', '0'],
            [`<script>alert("'&/\\")</script>`, 'everything that is escaped'],
        ])
            it(`may have a name of ${what}`, async () => {
                const group = await make({ name, groups_users: MANAGED });
                assert.equal(group.name, name);
                assertSuccess(await as('ada').delete(`/groups/${group.id}.json`));
            });
        for (const [value, expected] of [
            [true, true],
            [1, true],
            ['1', true],
            [false, false],
            [0, false],
            ['0', false],
            [undefined, false],
        ])
            it(`takes is_admin ${JSON.stringify(value)}`, async () => {
                const member = { user_id: mia, is_admin: value };
                const { groups_users } = await make({ name: newName(), groups_users: [MANAGER, member] });
                assert.equal(groups_users.find(({ user_id }) => user_id === mia).is_admin, expected);
            });
        it('may come in the older layout', async () => {
            const name = newName();
            const GroupUsers = [{ GroupUser: { user_id: max, is_admin: 1 } }, { GroupUser: { user_id: mia } }];
            const group = await make({ Group: { name }, GroupUsers });
            assert.equal(group.name, name);
            assert.deepEqual(group.groups_users.map(({ user_id, is_admin }) => [user_id, is_admin]), [
                [max, true],
                [mia, false],
            ]);
        });
        it('may come with ids in capitals, and with members nobody knows', async () => {
            const member = { user_id: max.toUpperCase(), is_admin: true, user: {}, nonsense: [] };
            const { groups_users } = await make({ name: newName(), groups_users: [member], secrets: [], nonsense: 1 });
            assert.equal(groups_users[0].user_id, max);
        });
        it('is shown with my_group_user if it was asked for, in profile 5', async () => {
            const query = '?contain[my_group_user]=1';
            const group = await make({ name: newName(), groups_users: [{ user_id: ada, is_admin: true }] }, query);
            assertGroup(group, profile === 5 ? ['my_group_user', 'groups_users'] : ['groups_users']);
            if (profile === 5) assert.deepEqual(group.my_group_user, group.groups_users[0]);
            const other = await make({ name: newName(), groups_users: MANAGED }, query);
            if (profile === 5) assert.equal(other.my_group_user, null);
        });
        it('is not made if the query is wrong, or the body is malformed', async () => {
            const before = await names();
            const queries = ['api-version=v1', ...(profile === 5 ? ['contain[my_group_user]=perhaps', 'contain=1'] : [])];
            for (const query of queries) {
                const answer = await as('ada').post(`/groups.json?${query}`, { name: newName(), groups_users: MANAGED });
                assertError(answer, 400, undefined, about);
            }
            const notUtf8 = Buffer.from('{"name":"\xff"}', 'latin1');
            for (const body of ['{', 'null', '{"name":"x",}', notUtf8, '{"name":"x","name":"y"}'])
                assertError(await as('ada').request('POST', '/groups.json', { body }), 400, 'Bad Request', about);
            assert.deepEqual(await names(), before);
        });

        it('is made once of eight with one name at the same time', async () => {
            const name = newName();
            const spell = (i) => (i % 2 ? name : name.toUpperCase());
            const send = (_, i) => as('ada').post('/groups.json', { name: spell(i), groups_users: MANAGED });
            const answers = await Promise.all(Array.from({ length: 8 }, send));
            assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(400)]);
            assert.equal((await names()).filter((other) => other.toUpperCase() === name.toUpperCase()).length, 1);
        });

        // --- who may ---

        for (const who of ['max', 'mia', 'nils', 'maxReader'])
            it(`is not for ${who}, whatever it is`, async () => {
                const before = await names();
                const message = profile === 2 ? 'Forbidden' : 'You are not authorized to access that location.';
                for (const body of [{ name: newName(), groups_users: MANAGED }, { name: '' }])
                    assert.equal(assertError(await as(who).post('/groups.json', body), 403, message, about), '');
                assert.deepEqual(await names(), before);
            });
        it('is not for nobody', async () => {
            const [code, message] =
                profile === 2
                    ? [403, 'You need to login to access this location.']
                    : [401, 'Authentication is required to continue'];
            const answer = await new PassboltClient(rosters[profile]).post('/groups.json', { name: 'x', groups_users: MANAGED });
            assertError(answer, code, message, about);
        });
    });
