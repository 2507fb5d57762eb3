// The four member operations: one or several, adding, the manager flag, removing; all or nothing.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertBytes, assertError, GROUPS, ids, members } from './support/bold.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

/* Organization 1: users 1 to 12, of whom 12 gets deleted, 11 is not active. Organization 2: user 21, group 21. */
const WORLD = [
    organization(1, 'Acme'),
    ...Array.from({ length: 12 }, (_, i) => user(1, i + 1, { active: i + 1 !== 11 })),
    bearer(1, secret(1)),
    organization(2, 'Umbrella'),
    user(2, 21),
    group(2, 21, 'Theirs'),
    bearer(2, secret(2)),
];

/* Ids that no user of organization 1 has, and why. */
const STRANGERS = { 'an unknown user': 4711, 'a user of another organization': 21, 'a deleted user': 12 };

/* Not positive whole numbers up to 2^53-1. */
const NO_IDS = ['abc', '0', '-1', '1.5', '99999999999999999999', '9007199254740992'];

let roster,
    client,
    id,
    path,
    counter = 0;
before(async () => {
    roster = await serveObjects(WORLD);
    await roster.import([{ type: 'user', organizationId: 1, id: 12, delete: true }]);
    await roster.restart();
    client = roster.as(secret(1));
});
after(() => roster.stop());
beforeEach(async () => {
    id = (await client.post(GROUPS, { name: `Group ${++counter}` })).json;
    path = `${GROUPS}/${id}/users`;
});

/* The operation answers {} and leaves exactly these members. */
async function assertDone(answer, expected) {
    assertBytes(await answer, '{}');
    assert.deepEqual(await members(client, id), expected);
}

/* The operation is refused and the members are as before. */
async function assertRefused(answer, code, expected) {
    assertError(await answer, code);
    assert.deepEqual(await members(client, id), expected);
}

describe('add one', () => {
    it('as a plain member', () => assertDone(client.post(`${path}/3`), [[3, false]]));
    it('as a manager', () => assertDone(client.post(`${path}/3?groupAdmin=true`), [[3, true]]));
    it('groupAdmin=false', () => assertDone(client.post(`${path}/3?groupAdmin=false`), [[3, false]]));
    for (const value of ['TRUE', 'True'])
        it(`groupAdmin=${value}`, () => assertDone(client.post(`${path}/3?groupAdmin=${value}`), [[3, true]]));
    for (const value of ['', '1', 'yes'])
        it(`groupAdmin=${value} is refused`, () =>
            assertRefused(client.post(`${path}/3?groupAdmin=${value}`), 'InvalidInput', []));
    it('a user that is not active can be a member', () => assertDone(client.post(`${path}/11`), [[11, false]]));
    it('members are listed ascending by id, whatever the order of adding', async () => {
        for (const user of [7, 2, 10, 1]) await client.post(`${path}/${user}`);
        assert.deepEqual(await members(client, id), [
            [1, false],
            [2, false],
            [7, false],
            [10, false],
        ]);
    });
    it('the groups of the user follow', async () => {
        await client.post(`${path}/9`);
        assert.ok(ids(await client.get(`${GROUPS}?userId=9`)).includes(id));
    });
    it('the group itself is not changed by it: no dateModified', async () => {
        await client.post(`${path}/9`);
        assert.equal('dateModified' in (await client.get(`${GROUPS}/${id}`)).json, false);
    });
    it('a body is ignored', () => assertDone(client.post(`${path}/3`, undefined, { body: '{"groupAdmin":true}' }), [[3, false]]));
    for (const [what, stranger] of Object.entries(STRANGERS))
        it(`${what} is refused`, () => assertRefused(client.post(`${path}/${stranger}`), 'GroupAndUserNotInSameAccount', []));
    for (const none of NO_IDS)
        it(`${none} is no user id`, () => assertRefused(client.post(`${path}/${none}`), 'InvalidInput', []));
});

describe('add one who is a member already', () => {
    beforeEach(() =>
        client.post(path, [
            { userId: 3, groupAdmin: true },
            { userId: 4, groupAdmin: false },
        ]),
    );

    it('with the same flag: nothing changes', () =>
        assertDone(client.post(`${path}/3?groupAdmin=true`), [
            [3, true],
            [4, false],
        ]));
    it('with another flag: the flag changes', () =>
        assertDone(client.post(`${path}/3?groupAdmin=false`), [
            [3, false],
            [4, false],
        ]));
    it('and the other way', () =>
        assertDone(client.post(`${path}/4?groupAdmin=true`), [
            [3, true],
            [4, true],
        ]));
    it('without a flag: the flag stays', () =>
        assertDone(client.post(`${path}/3`), [
            [3, true],
            [4, false],
        ]));
});

describe('add several', () => {
    it('with their flags', () =>
        assertDone(client.post(path, [{ userId: 5, groupAdmin: true }, { userId: 2, groupAdmin: false }, { userId: 9 }]), [
            [2, false],
            [5, true],
            [9, false],
        ]));
    it('groupAdmin null is as absent', () => assertDone(client.post(path, [{ userId: 5, groupAdmin: null }]), [[5, false]]));
    it('nobody', () => assertDone(client.post(path, []), []));
    it('some are members already: their flags are set, or stay when absent', async () => {
        await client.post(path, [
            { userId: 1, groupAdmin: true },
            { userId: 2, groupAdmin: true },
        ]);
        await assertDone(client.post(path, [{ userId: 1 }, { userId: 2, groupAdmin: false }, { userId: 3 }]), [
            [1, true],
            [2, false],
            [3, false],
        ]);
    });
    it('the same user twice', () =>
        assertDone(
            client.post(path, [
                { userId: 3, groupAdmin: true },
                { userId: 3, groupAdmin: true },
            ]),
            [[3, true]],
        ));
    it('unknown members of an element are ignored', () =>
        assertDone(client.post(path, [{ userId: 3, name: 'x', groupadmin: true }]), [[3, false]]));

    for (const [what, stranger] of Object.entries(STRANGERS))
        it(`with ${what} among them nobody is added`, async () => {
            await client.post(`${path}/4?groupAdmin=true`);
            const several = [{ userId: 3 }, { userId: 4, groupAdmin: false }, { userId: stranger }, { userId: 5 }];
            await assertRefused(client.post(path, several), 'GroupAndUserNotInSameAccount', [[4, true]]);
        });

    const BAD_ELEMENTS = {
        'a number': 5,
        'null': null,
        'a string': '5',
        'an array': [5],
        'an empty object': {},
        'userId null': { userId: null },
        'userId a string': { userId: '5' },
        'userId 0': { userId: 0 },
        'userId -1': { userId: -1 },
        'userId 1.5': { userId: 1.5 },
        'userId beyond 2^53-1': { userId: 9007199254740992 },
        'groupAdmin a number': { userId: 5, groupAdmin: 1 },
        'groupAdmin a string': { userId: 5, groupAdmin: 'true' },
    };
    for (const [what, element] of Object.entries(BAD_ELEMENTS))
        it(`an element that is ${what} is refused, and nobody is added`, () =>
            assertRefused(client.post(path, [{ userId: 3 }, element]), 'InvalidInput', []));
    for (const [what, body] of [
        ['an object', '{"userId":3}'],
        ['null', 'null'],
        ['a number', '3'],
        ['nothing', ''],
        ['a string', '"3"'],
    ])
        it(`a body that is ${what} is refused`, () => assertRefused(client.post(path, undefined, { body }), 'InvalidInput', []));
    it('10,000 are taken, 10,001 are not', async () => {
        const many = (count) => Array.from({ length: count }, (_, i) => ({ userId: (i % 10) + 1 }));
        await assertRefused(client.post(path, many(10_001)), 'InvalidInput', []);
        await assertDone(
            client.post(path, many(10_000)),
            Array.from({ length: 10 }, (_, i) => [i + 1, false]),
        );
    });
});

describe('remove one', () => {
    beforeEach(() => client.post(path, [{ userId: 3, groupAdmin: true }, { userId: 4 }, { userId: 5 }]));

    it('who is a member', () =>
        assertDone(client.delete(`${path}/4`), [
            [3, true],
            [5, false],
        ]));
    it('the last manager', () =>
        assertDone(client.delete(`${path}/3`), [
            [4, false],
            [5, false],
        ]));
    it('who is no member: nothing happens', () =>
        assertDone(client.delete(`${path}/9`), [
            [3, true],
            [4, false],
            [5, false],
        ]));
    it('twice', async () => {
        await client.delete(`${path}/4`);
        await assertDone(client.delete(`${path}/4`), [
            [3, true],
            [5, false],
        ]);
    });
    it('and add again: the old flag is forgotten', async () => {
        await client.delete(`${path}/3`);
        await assertDone(client.post(`${path}/3`), [
            [3, false],
            [4, false],
            [5, false],
        ]);
    });
    for (const [what, stranger] of Object.entries(STRANGERS))
        it(`${what} is refused`, () =>
            assertRefused(client.delete(`${path}/${stranger}`), 'GroupAndUserNotInSameAccount', [
                [3, true],
                [4, false],
                [5, false],
            ]));
    for (const none of NO_IDS)
        it(`${none} is no user id`, async () => assertError(await client.delete(`${path}/${none}`), 'InvalidInput'));
});

describe('remove several', () => {
    beforeEach(() => client.post(path, [{ userId: 3, groupAdmin: true }, { userId: 4 }, { userId: 5 }]));

    it('some', () => assertDone(client.delete(path, [5, 3]), [[4, false]]));
    it('all', () => assertDone(client.delete(path, [3, 4, 5]), []));
    it('nobody', () =>
        assertDone(client.delete(path, []), [
            [3, true],
            [4, false],
            [5, false],
        ]));
    it('some are no members: they are passed over', () =>
        assertDone(client.delete(path, [9, 4, 10]), [
            [3, true],
            [5, false],
        ]));
    it('the same user twice', () =>
        assertDone(client.delete(path, [4, 4]), [
            [3, true],
            [5, false],
        ]));
    for (const [what, stranger] of Object.entries(STRANGERS))
        it(`with ${what} among them nobody is removed`, () =>
            assertRefused(client.delete(path, [3, stranger]), 'GroupAndUserNotInSameAccount', [
                [3, true],
                [4, false],
                [5, false],
            ]));
    for (const [what, body] of [
        ['an object', '{"userId":3}'],
        ['objects', '[{"userId":3}]'],
        ['strings', '["3"]'],
        ['0', '[0]'],
        ['1.5', '[3,1.5]'],
        ['null', '[null]'],
        ['no array', '3'],
        ['nothing', ''],
    ])
        it(`a body of ${what} is refused`, () =>
            assertRefused(client.delete(path, undefined, { body }), 'InvalidInput', [
                [3, true],
                [4, false],
                [5, false],
            ]));
    it('more than 10,000 are refused', () =>
        assertRefused(
            client.delete(
                path,
                Array.from({ length: 10_001 }, () => 3),
            ),
            'InvalidInput',
            [
                [3, true],
                [4, false],
                [5, false],
            ],
        ));
});

describe('the group of a member operation', () => {
    for (const other of ['4711', 'abc', '0', '21'])
        it(`${other} is not found, whatever the operation`, async () => {
            const wrong = `${GROUPS}/${other}/users`;
            assertError(await client.post(`${wrong}/3`), 'UserGroupNotFound');
            assertError(await client.post(wrong, [{ userId: 3 }]), 'UserGroupNotFound');
            assertError(await client.delete(`${wrong}/3`), 'UserGroupNotFound');
            assertError(await client.delete(wrong, [3]), 'UserGroupNotFound');
        });
    it('GET of its users is no operation', async () => {
        const answer = await client.get(path);
        assertError(answer, 'MethodNotAllowed');
    });
});

describe('what was answered survives a restart', () => {
    it('members and flags', async () => {
        await client.post(path, [{ userId: 3, groupAdmin: true }, { userId: 4 }, { userId: 5 }]);
        await client.delete(`${path}/5`);
        await client.post(`${path}/4?groupAdmin=true`);
        await roster.restart();
        assert.deepEqual(await members(client, id), [
            [3, true],
            [4, true],
        ]);
        await roster.check();
    });
});
