// The members of Tedee's groups: the list and its pages, adding and removing, what is told of each user and in which order.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { bearer, fromLines, group, membership, organization, secret, TOKEN, user } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    assertDone,
    assertError,
    assertOutcomes,
    assertResult,
    groupId,
    groupPath,
    groups,
    members,
    membersPath,
    tedeeWorld,
} from './support/tedee.mjs';

const range = (from, count) => Array.from({ length: count }, (_, i) => from + i);

describe('the list of members', () => {
    const shown = (n) => ({ displayName: `User ${n}`, email: n % 2 ? `u${n}@odd.example.org` : null, organizationUserId: n });
    const NUMBERS = range(1, 230);
    const WORLD = [
        organization(1, 'Acme'),
        ...NUMBERS.map((n) => user(1, n, { displayName: `User ${n}`, ...(n % 2 && { emailAddress: `u${n}@odd.example.org` }) })),
        group(1, 1, 'Everybody', { uuid: groupId(1) }),
        group(1, 2, 'Nobody', { uuid: groupId(2) }),
        ...[...NUMBERS].reverse().map((n) => membership(1, 1, n)),
        bearer(1, secret(1)),
    ];
    let roster, client;
    before(async () => {
        roster = await serveObjects(WORLD);
        client = roster.as(secret(1));
    });
    after(() => roster.stop());

    it('is a page of items ascending by number, and the count of all', async () =>
        assertResult(await client.get(membersPath(1)), { items: range(1, 100).map(shown), totalCount: 230 }));
    it('of a group without members is empty', async () =>
        assertResult(await client.get(membersPath(2)), { items: [], totalCount: 0 }));

    const PAGES = {
        'page=3': [range(201, 30), 230],
        'page=4': [[], 230],
        'page=9007199254740991': [[], 230],
        'itemsPerPage=1': [[1], 230],
        'PAGE=2&ITEMSPERPAGE=3': [[4, 5, 6], 230],
        'page=77&itemsPerPage=3': [[229, 230], 230],
        'filters.text=User+22': [[22, ...range(220, 10)], 11],
        'Filters.Text=USER+22&page=2&itemsPerPage=4': [[223, 224, 225, 226], 11],
        'filters.text=u22%40': [[], 0],
        'filters.text=22&itemsPerPage=3': [[22, 122, 220], 12],
        'filters.text=1%40ODD.example': [[1, ...range(1, 22).map((n) => 10 * n + 1)], 23],
        'filters.text=': [range(1, 100), 230],
        'filters.text=nobody': [[], 0],
    };
    for (const [parameters, [numbers, totalCount]] of Object.entries(PAGES))
        it(`?${parameters}`, async () =>
            assertResult(await client.get(`${membersPath(1)}?${parameters}`), { items: numbers.map(shown), totalCount }));

    it('includeMembers gives all of them at once', async () =>
        assertResult(await client.get(`${groupPath(1)}?includeMembers=true`), {
            id: groupId(1),
            members: NUMBERS.map(shown),
            name: 'Everybody',
        }));
});

describe('many', () => {
    it('12,000 members are answered whole, and 10,000 are added and removed at once', async (t) => {
        const numbers = range(1, 12_000);
        const roster = await serveObjects([
            organization(1, 'Acme'),
            ...numbers.map((n) => user(1, n)),
            group(1, 1, 'Large', { uuid: groupId(1) }),
            group(1, 2, 'Growing', { uuid: groupId(2) }),
            ...numbers.map((n) => membership(1, 1, n)),
            bearer(1, secret(1)),
        ]);
        t.after(() => roster.stop());
        const client = roster.as(secret(1));
        assert.deepEqual(await members(client, 1), numbers);
        const last = (await client.get(`${membersPath(1)}?page=120&itemsPerPage=100`)).json.result;
        assert.deepEqual([last.items.map((one) => one.organizationUserId), last.totalCount], [range(11_901, 100), 12_000]);
        const found = (await client.get(`${membersPath(1)}?filters.text=x`)).json.result;
        assert.deepEqual(found, { items: [], totalCount: 0 });

        const most = numbers.slice(0, 10_000);
        const backwards = [...most].reverse();
        assertOutcomes(await client.post(membersPath(2), { organizationUserIds: backwards }), backwards);
        assert.deepEqual(await members(client, 2), most);
        assertError(await client.post(membersPath(2), { organizationUserIds: numbers.slice(0, 10_001) }), 'Bad request', '10000');
        assertOutcomes(await client.delete(membersPath(2), { organizationUserIds: most.slice(5000) }), most.slice(5000));
        assert.deepEqual(await members(client, 2), most.slice(0, 5000));
    });
});

describe('add and remove', () => {
    /* Users 1 to 9 are in no group, 11 is in the other organization, 12 is deleted, 13 is not active. */
    const WORLD = [
        organization(1, 'Acme'),
        ...range(1, 9).map((n) => user(1, n)),
        user(1, 12),
        user(1, 13, { active: false }),
        bearer(1, secret(1)),
        organization(2, 'Umbrella'),
        user(2, 11),
        bearer(2, secret(2)),
    ];
    let roster,
        client,
        path,
        id,
        counter = 0;
    before(async () => {
        roster = await serveObjects(WORLD);
        await roster.import([{ type: 'user', organizationId: 1, id: 12, delete: true }]);
        await roster.restart();
        client = roster.as(secret(1));
    });
    after(() => roster.stop());
    beforeEach(async () => {
        id = (await client.post(groups(), { name: `Group ${++counter}` })).json.result.id;
        path = `${groups()}/${id}/members`;
    });

    const add = (...organizationUserIds) => client.post(path, { organizationUserIds });
    const remove = (...organizationUserIds) => client.delete(path, { organizationUserIds });
    const present = async () =>
        (await client.get(`${groups()}/${id}?includeMembers=true`)).json.result.members.map((one) => one.organizationUserId);

    it('one', async () => {
        assertOutcomes(await add(5), [5]);
        assert.deepEqual(await present(), [5]);
        assertOutcomes(await remove(5), [5]);
        assert.deepEqual(await present(), []);
    });
    it('several are told in the order of the request, and listed by number', async () => {
        assertOutcomes(await add(7, 2, 9, 1), [7, 2, 9, 1]);
        assert.deepEqual(await present(), [1, 2, 7, 9]);
        assertOutcomes(await remove(9, 1, 7), [9, 1, 7]);
        assert.deepEqual(await present(), [2]);
    });
    it('who is in the group already is left out of what is told', async () => {
        await add(2, 4);
        assertOutcomes(await add(3, 2, 1, 4), [3, 1]);
        assertOutcomes(await add(1, 2, 3, 4), []);
        assert.deepEqual(await present(), [1, 2, 3, 4]);
    });
    it('who is not in the group is left out when removing', async () => {
        await add(2, 4);
        assertOutcomes(await remove(3, 2, 5), [2]);
        assertOutcomes(await remove(3, 2, 5), []);
        assert.deepEqual(await present(), [4]);
    });
    it('who is named twice is told of once', async () => {
        assertOutcomes(await add(3, 5, 3, 3, 5), [3, 5]);
        assertOutcomes(await remove(5, 3, 5), [5, 3]);
        assert.deepEqual(await present(), []);
    });
    it('who is no user of the organization fails alone: unknown, of another one, deleted', async () => {
        assertOutcomes(await add(4711, 5, 11, 2, 12), [-4711, 5, -11, 2, -12]);
        assert.deepEqual(await present(), [2, 5]);
        assertOutcomes(await remove(12, 5, 4711, 11, 3), [-12, 5, -4711, -11]);
        assert.deepEqual(await present(), [2]);
        assertOutcomes(await add(4711, 4711), [-4711, -4711]);
    });
    it('a user that is not active can be a member', async () => {
        assertOutcomes(await add(13), [13]);
        assert.deepEqual(await present(), [13]);
    });
    it('of nobody: nothing is told and nothing happens', async () => {
        await add(1);
        assertOutcomes(await add(), []);
        assertOutcomes(await remove(), []);
        assert.deepEqual(await present(), [1]);
    });
    it('the name of the list counts in any letter case, the last counts', async () => {
        assertOutcomes(await client.post(path, { ORGANIZATIONUSERIDS: [1] }), [1]);
        assertOutcomes(await client.post(path, { organizationUserIds: [2], organizationuserids: [3], other: [4] }), [3]);
        assert.deepEqual(await present(), [1, 3]);
    });
    it('a malformed list changes nothing', async () => {
        await add(1);
        for (const wrong of [[2, '3'], [2, null], [2, 3.5], [2, 0], [2, -3], [2, 2 ** 53], [[2]], '2', 2, null, { 0: 2 }]) {
            const body = { organizationUserIds: wrong };
            assertError(await client.post(path, body), 'Bad request', 'organizationUserIds');
            assertError(await client.delete(path, body), 'Bad request', 'organizationUserIds');
        }
        assert.deepEqual(await present(), [1]);
    });
    it('manager flags given elsewhere are kept by those who stay', async () => {
        const { id: number } = (await client.get('/v1/user-groups')).json.find(({ name }) => name === `Group ${counter}`);
        await client.post(`/v1/user-groups/${number}/users/1?groupAdmin=true`);
        assertOutcomes(await add(1, 2), [2]);
        const seen = (await client.get(`/v1/user-groups/${number}?includeUsers=true`)).json.users;
        assert.deepEqual(
            seen.map((one) => [one.id, one.groupAdmin]),
            [
                [1, true],
                [2, false],
            ],
        );
    });
    it('two who add at the same time: every user is told of once, and all are members', async () => {
        for (let round = 0; round < 20; round++) {
            const all = range(1, 9);
            const answers = await Promise.all([
                add(...all.slice(0, 6)),
                roster.as(secret(1)).post(path, { organizationUserIds: all.slice(3).reverse() }),
            ]);
            const told = answers.flatMap((answer) => answer.json.organizationUsers);
            assert.ok(told.every(({ success }) => success));
            assert.deepEqual(
                told.map((one) => one.organizationUserId).sort((a, b) => a - b),
                all,
            );
            assert.deepEqual(await present(), all);
            assertOutcomes(await remove(...all), all);
        }
    });
    it('two who create a group of one name at the same time: one does', async () => {
        for (let round = 0; round < 10; round++) {
            const both = range(0, 2).map(() => roster.as(secret(1)).post(groups(), { name: `Contested ${round}` }));
            const statuses = (await Promise.all(both)).map(({ status }) => status).sort();
            assert.deepEqual(statuses, [200, 409]);
        }
    });
});

describe('memberships with dates', () => {
    const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
    const ROWS = {
        1: {},
        2: { startsAt: day(-1) },
        3: { startsAt: day(1) },
        4: { endsAt: day(1) },
        5: { endsAt: day(-1) },
        6: { startsAt: day(-2), endsAt: day(-1) },
        7: { startsAt: day(-1), endsAt: day(1) },
    };
    const numbers = Object.keys(ROWS).map(Number);
    const NOW = [1, 2, 4, 7];
    let roster, client;
    before(async () => {
        const world = [
            organization(1, 'Acme'),
            ...numbers.map((n) => user(1, n, { displayName: `User ${n}` })),
            group(1, 1, 'Dated', { uuid: groupId(1) }),
            ...numbers.map((n) => membership(1, 1, n, ROWS[n])),
            bearer(1, secret(1)),
        ];
        roster = await serveObjects(world, ['--expire-interval-s', '86400']);
        client = roster.as(secret(1));
    });
    after(() => roster.stop());

    it('who is not yet or no longer a member is not shown, counted or found', async () => {
        assert.deepEqual(await members(client, 1), NOW);
        const shown = (n) => ({ displayName: `User ${n}`, email: null, organizationUserId: n });
        assertResult(await client.get(membersPath(1)), { items: NOW.map(shown), totalCount: 4 });
        assertResult(await client.get(`${membersPath(1)}?page=2&itemsPerPage=3`), { items: [shown(7)], totalCount: 4 });
        assertResult(await client.get(`${membersPath(1)}?filters.text=user+5`), { items: [], totalCount: 0 });
    });
    it('who will become one later is removed before it can; who was one has nothing to be removed from', async () => {
        assertOutcomes(await client.delete(membersPath(1), { organizationUserIds: [6, 3, 7] }), [3, 7]);
        assertOutcomes(await client.delete(membersPath(1), { organizationUserIds: [6, 3, 7] }), []);
        assert.deepEqual(await members(client, 1), [1, 2, 4]);
    });
    it('who was one is added for good, who is one until tomorrow is as it was', async () => {
        assertOutcomes(await client.post(membersPath(1), { organizationUserIds: [5, 4, 3] }), [5, 3]);
        assert.deepEqual(await members(client, 1), [1, 2, 3, 4, 5]);
        const lines = fromLines(await roster.export()).filter(({ type }) => type === 'membership');
        const endsOf = (n) => lines.find(({ userId }) => userId === n).endsAt;
        assert.deepEqual([endsOf(3), endsOf(5)], [undefined, undefined]);
        assert.equal(Date.parse(endsOf(4)), Date.parse(ROWS[4].endsAt));
    });
});

describe('kill -9', () => {
    it('what was told is kept, what was not told is whole or not there', async (t) => {
        const roster = await serveObjects(tedeeWorld());
        t.after(() => roster.stop());
        for (let round = 0; round < 5; round++) {
            const client = roster.as(TOKEN.service);
            assertOutcomes(await client.post(membersPath(3), { organizationUserIds: [4, 3, 2] }), [4, 3, 2]);
            const pending = client.delete(membersPath(3), { organizationUserIds: [2, 3, 4] }).catch(() => null);
            const renamed = client.patch(groupPath(3), { name: `Blue ${round}` }).catch(() => null);
            await roster.killAndSettle();
            const [removed, named] = await Promise.all([pending, renamed]);
            await roster.serve();
            const again = roster.as(TOKEN.service);
            const { members: found, name } = (await again.get(`${groupPath(3)}?includeMembers=true`)).json.result;
            const present = found.map((one) => one.organizationUserId);
            if (removed) assert.deepEqual(present, [5]);
            else assert.ok([1, 4].includes(present.length), `half of it is there: ${present}`);
            if (named) assert.equal(name, `Blue ${round}`);
            await roster.check();
            assert.equal((await again.delete(membersPath(3), { organizationUserIds: [2, 3, 4] })).status, 207);
            assertDone(await again.patch(groupPath(3), { name: 'Blue' }));
        }
    });
});
