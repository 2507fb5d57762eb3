// What a group of Passbolt's API is made of, member by member, with every option of `contain` in both profiles:
// docs/passbolt.md 2.4.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DATE, TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertSuccess,
    groupId,
    makePeople,
    passboltWorld,
    phpJson,
    servePassbolt,
    userId,
    UUID,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

const ROLE = { admin: '0d51c3a8-5e67-5e3d-882f-e1868966d817', user: 'a58de6d3-f52c-5080-b79b-a601a647ac85' };
const CREATED = '2026-03-10T09:32:05+00:00'; // everything was

const people = await makePeople(['mia']);
const rosters = { 5: new Roster(), 2: new Roster() };

before(async () => {
    const dated = (object) => (object.type === 'membership' ? { ...object, dateCreated: DATE } : object);
    const empty = { type: 'group', organizationId: 1, id: 4, name: 'Empty', uuid: groupId(4), dateCreated: DATE };
    for (const profile of [5, 2]) {
        const roster = await servePassbolt([...passboltWorld(people).map(dated), empty], profile, [], rosters[profile]);
        const ada = withCredential(roster, TOKEN.ada);
        assertSuccess(await ada.put(`/groups/${groupId(3)}.json`, { name: 'Sky' })); // so that it has a modifier
    }
});
after(() => Promise.all(Object.values(rosters).map((roster) => roster.stop())));

const encode = (query) => query.replaceAll('[', '%5B').replaceAll(']', '%5D');

/* Asked by Mia: all groups, or that one. */
async function list(profile, query) {
    const answer = await withCredential(rosters[profile], TOKEN.mia).get(`/groups.json?${encode(query)}`);
    return assertSuccess(answer, { action: ACTION.list });
}

async function view(profile, n, query = '') {
    const answer = await withCredential(rosters[profile], TOKEN.mia).get(`/groups/${groupId(n)}.json?${encode(query)}`);
    return assertSuccess(answer, { action: ACTION.view });
}

/* The same members in the same order. What is only known to be a UUID is null in `expected`. */
function assertSame(actual, expected) {
    const fill = (real, wanted, name) => {
        if (wanted === null && /^id$/.test(name)) {
            assert.match(real, UUID);
            return real;
        }
        if (Array.isArray(wanted)) return wanted.map((item, i) => fill(real?.[i], item, ''));
        if (wanted === null || typeof wanted !== 'object') return wanted;
        return Object.fromEntries(Object.entries(wanted).map(([key, item]) => [key, fill(real?.[key], item, key)]));
    };
    assert.equal(phpJson(actual), phpJson(fill(actual, expected, '')));
}

const WHO = {
    ada: [1, 'Ada', 'Lovelace', ROLE.admin],
    max: [2, 'Max', 'Planck', ROLE.user],
    mia: [3, 'Mia', 'Hamm', ROLE.user],
    ines: [5, 'Ines', 'Castro', ROLE.user],
};

function profileOf(name) {
    const [n, first_name, last_name] = WHO[name];
    return { id: null, user_id: userId(n), first_name, last_name, created: CREATED, modified: CREATED };
}

function keyOf(name, actual) {
    if (!people[name]) return null;
    const { id, fingerprint, publicKey, email } = people[name];
    const [, first, last] = WHO[name];
    return {
        id: null,
        user_id: id,
        armored_key: publicKey,
        bits: actual.bits,
        uid: `${first} ${last} <${email}>`,
        key_id: fingerprint.slice(-16),
        fingerprint,
        type: actual.type,
        expires: null,
        key_created: actual.key_created,
        deleted: false,
        created: CREATED,
        modified: CREATED,
    };
}

/* `parts`: what is asked for of it: 'profile', 'gpgkey'; or { _joinData }. */
function userOf(profile, name, parts = [], actual = {}, more = {}) {
    const [n, , , role_id] = WHO[name];
    const own = { id: userId(n), role_id, username: `${name}@example.org`, active: name !== 'ines', deleted: false };
    const dates = { created: CREATED, modified: CREATED };
    const withProfile = parts.includes('profile') ? { profile: profileOf(name) } : {};
    const withKey = parts.includes('gpgkey') ? { gpgkey: keyOf(name, actual.gpgkey) } : {};
    if (profile === 2) return { ...own, ...dates, ...more, ...withKey, ...withProfile, last_logged_in: '' };
    return { ...own, disabled: null, last_logged_in: null, ...dates, ...more, ...withProfile, ...withKey };
}

const membershipOf = (name, n, is_admin) => ({
    id: null,
    group_id: groupId(n),
    user_id: userId(WHO[name][0]),
    is_admin,
    created: CREATED,
});

/* Members of Red, in the order in which they are answered. */
const RED = [
    ['max', true],
    ['mia', false],
];

const redUsers = (profile) =>
    RED.map(([name, manager]) => userOf(profile, name, [], {}, { _joinData: membershipOf(name, 1, manager) }));

/* `parts`: null for memberships without a user. */
const redMembers = (profile, parts, actual) =>
    RED.map(([name, manager], i) => ({
        ...membershipOf(name, 1, manager),
        ...(parts && { user: userOf(profile, name, parts, actual[i].user) }),
    }));

const ownMembers = ['id', 'name', 'deleted', 'created', 'modified', 'created_by', 'modified_by'];
const withoutOwn = (object) => Object.fromEntries(Object.entries(object).filter(([name]) => !ownMembers.includes(name)));

// --- contain ---

const P5_CONTAINS = [
    ['contain[user]=1', { users: true }],
    ['contain[users]=1', { users: true }],
    ['contain[user]=1&contain[users]=0', { users: true }],
    ['contain[group_user]=1', { members: null }],
    ['contain[groups_users]=1', { members: null }],
    ['contain[group_user.user]=1', { members: [] }],
    ['contain[groups_users.user]=1', { members: [] }],
    ['contain[group_user.user.profile]=1', { members: ['profile'] }],
    ['contain[groups_users.user.profile]=1', { members: ['profile'] }],
    ['contain[group_user.user.gpgkey]=1', { members: ['gpgkey'] }],
    ['contain[groups_users.user.gpgkey]=1', { members: ['gpgkey'] }],
    ['contain[group_user.user.gpgkey]=1&contain[groups_users.user.profile]=1', { members: ['profile', 'gpgkey'] }],
    ['contain[my_group_user]=1', { mine: true }],
    ['contain[my_group_user]=0', { mine: true }],
    ['contain[modifier]=1', { modifier: [] }],
    ['contain[modifier]=0', { modifier: [] }],
    ['contain[modifier.profile]=1', { modifier: ['profile'] }],
    ['contain[modifier.profile]=false', { modifier: ['profile'] }],
    ['contain[user]=0&contain[users]=false&contain[group_user]=0&contain[groups_users]=FALSE', {}],
    ['contain[groups_users.user.profile]=0&contain[groups_users]=1', { members: null }],
    ['contain[users]=true&contain[groups_users]=TRUE', { users: true, members: null }],
    ['contain[user_count]=1&contain[nonsense]=perhaps&nonsense=1&filter[nonsense]=1', {}],
    [
        'contain[groups_users]=1&contain[my_group_user]=1&contain[users]=1&contain[modifier]=1',
        { modifier: [], users: true, mine: true, members: null },
    ],
];

/* Presence counts; deeper names and those of later releases are not known. */
const P2_CONTAINS = [
    ['contain[user]=1', { users: true }],
    ['contain[user]=0', { users: true }],
    ['contain[group_user]=1', { members: null }],
    ['contain[group_user]=0', { members: null }],
    ['contain[users]=1&contain[groups_users]=1&contain[group_user.user]=1&contain[group_user.user.profile]=1', {}],
    ['contain[my_group_user]=0', { mine: true }],
    ['contain[modifier]=0', { modifier: [] }],
    ['contain[modifier.profile]=1', { modifier: ['profile'] }],
    [
        'contain[my_group_user]=1&contain[group_user]=1&contain[user]=1&contain[modifier]=1',
        { modifier: [], users: true, mine: true, members: null },
    ],
];

/* Red, which nobody changed, with these associated members, as Mia sees it. */
function assertRed(profile, red, { modifier, users, mine, members }) {
    assertSame(withoutOwn(red), {
        ...(modifier && { modifier: null }),
        ...(users && { users: redUsers(profile) }),
        ...(mine && { my_group_user: membershipOf('mia', 1, false) }),
        ...(members !== undefined && { groups_users: redMembers(profile, members, red.groups_users) }),
    });
}

/* Sky, which Ada renamed and which has no member who counts but Ines, who is not active. */
function assertSky(profile, sky, { modifier, users, mine, members }) {
    const ines = membershipOf('ines', 3, false);
    assertSame(withoutOwn(sky), {
        ...(modifier && { modifier: userOf(profile, 'ada', modifier) }),
        ...(users && { users: [userOf(profile, 'ines', [], {}, { _joinData: ines })] }),
        ...(mine && { my_group_user: null }),
        ...(members !== undefined && { groups_users: [{ ...ines, ...(members && { user: userOf(profile, 'ines', members) }) }] }),
    });
}

const find = (groups, n) => groups.find(({ id }) => id === groupId(n));

describe('contain', () => {
    for (const [query, expected] of P5_CONTAINS)
        it(`${query} in profile 5`, async () => {
            const groups = await list(5, query);
            assertRed(5, find(groups, 1), expected);
            assertSky(5, find(groups, 3), expected);
            assertRed(5, await view(5, 1, query), expected);
            assertSky(5, await view(5, 3, query), expected);
        });

    for (const [query, expected] of P2_CONTAINS)
        it(`${query} in profile 2`, async () => {
            const groups = await list(2, query);
            assertRed(2, find(groups, 1), expected);
            assertSky(2, find(groups, 3), expected);
            assertRed(2, await view(2, 1, query), { ...expected, members: ['profile', 'gpgkey'] });
        });

    it('a view in profile 2 has memberships with everything, unasked', async () => {
        assertRed(2, await view(2, 1), { members: ['profile', 'gpgkey'] });
    });

    it('of a group without members is an empty array', async () => {
        const empty = await view(5, 4, 'contain[users]=1&contain[groups_users]=1');
        assert.deepEqual(withoutOwn(empty), { users: [], groups_users: [] });
    });

    for (const profile of [5, 2]) {
        for (const [name, value] of [
            ['user', '2'],
            ['user', 'yes'],
            ['user', ''],
            ['modifier', 'maybe'],
        ])
            for (const path of ['/groups.json', `/groups/${groupId(1)}.json`])
                it(`${path.slice(0, 8)} contain[${name}]=${value} is refused in profile ${profile}`, async () => {
                    const client = withCredential(rosters[profile], TOKEN.mia);
                    const answer = await client.get(`${path}?contain%5B${name}%5D=${value}`);
                    const message = `Invalid contain. "${value}" is not a valid contain value.`;
                    assert.equal(assertError(answer, 400, message), '');
                });
    }
});

describe('a group', () => {
    for (const profile of [5, 2]) {
        it(`has these members, with dates in whole seconds, in profile ${profile}`, async () => {
            const red = find(await list(profile, ''), 1);
            assertSame(red, {
                id: groupId(1),
                name: 'Red',
                deleted: false,
                created: CREATED,
                modified: CREATED,
                created_by: red.created_by,
                modified_by: red.created_by,
            });
            assert.match(red.created_by, UUID);
        });
        it(`knows who changed it in profile ${profile}`, async () => {
            const sky = find(await list(profile, ''), 3);
            assert.equal(sky.modified_by, userId(1));
            assert.equal(sky.created, CREATED);
            assert.ok(sky.modified > CREATED);
        });
    }
});
