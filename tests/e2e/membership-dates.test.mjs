// A membership with a start or an end counts only in between: looked at when reading, cleared away later by a background job.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS, ids, members } from './support/bold.mjs';
import { bearer, fromLines, group, membership, organization, secret, user } from './support/objects.mjs';
import { Roster, serveObjects } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
const YESTERDAY = inSeconds(-86_400),
    TOMORROW = inSeconds(86_400);

/* User n is in group 1 with the dates of row n; user 9 holds the manager flag there, until yesterday. */
const ROWS = [
    ['no dates', {}, true],
    ['started yesterday', { startsAt: YESTERDAY }, true],
    ['starts tomorrow', { startsAt: TOMORROW }, false],
    ['ends tomorrow', { endsAt: TOMORROW }, true],
    ['ended yesterday', { endsAt: YESTERDAY }, false],
    ['from yesterday until tomorrow', { startsAt: YESTERDAY, endsAt: TOMORROW }, true],
    ['from tomorrow on, for a second', { startsAt: TOMORROW, endsAt: inSeconds(86_401) }, false],
];

const world = () => [
    organization(1, 'Acme'),
    group(1, 1, 'Dated'),
    ...ROWS.flatMap(([, dates], i) => [
        user(1, i + 1),
        membership(1, 1, i + 1, dates),
        bearer(1, secret(10 + i + 1), { userId: i + 1 }),
    ]),
    user(1, 9),
    membership(1, 1, 9, { manager: true, endsAt: YESTERDAY }),
    bearer(1, secret(19), { userId: 9 }),
    bearer(1, secret(1)),
];

describe('who is in the group now', () => {
    let roster, client;
    before(async () => {
        roster = await serveObjects(world(), ['--expire-interval-s', '86400']);
        client = roster.as(secret(1));
    });
    after(() => roster.stop());

    ROWS.forEach(([what, , isMember], i) => {
        it(`${what}: ${isMember ? 'a member' : 'no member'}`, async () => {
            assert.equal(
                (await members(client, 1)).some(([id]) => id === i + 1),
                isMember,
            );
            assert.deepEqual(ids(await client.get(`${GROUPS}?userId=${i + 1}`)), isMember ? [1] : []);
            const own = roster.as(secret(10 + i + 1));
            assert.deepEqual(ids(await own.get(GROUPS)), isMember ? [1] : []);
            if (!isMember) assertError(await own.get(`${GROUPS}/1`), 'UserGroupNotFound');
        });
    });
    it('whose managing ended manages nothing', async () =>
        assertError(await roster.as(secret(19)).post(`${GROUPS}/1/users/1`), 'UserGroupNotFound'));
    it('who is added again after the end is a plain member without end', async () => {
        await client.post(`${GROUPS}/1/users/9`);
        assert.ok((await members(client, 1)).some(([id, groupAdmin]) => id === 9 && !groupAdmin));
        const line = fromLines(await roster.export()).find((object) => object.type === 'membership' && object.userId === 9);
        assert.deepEqual([line.endsAt, line.manager ?? false], [undefined, false]);
    });
});

describe('time passes', () => {
    it('a membership begins and ends without anybody doing anything, and is then cleared away', async (t) => {
        const roster = new Roster();
        const moment = inSeconds(2);
        await roster.import([
            organization(1, 'Acme'),
            user(1, 1),
            user(1, 2),
            group(1, 1, 'Dated'),
            membership(1, 1, 1, { endsAt: moment }),
            membership(1, 1, 2, { startsAt: moment }),
            bearer(1, secret(1)),
        ]);
        await roster.serve(['--expire-interval-s', '1']);
        t.after(() => roster.stop());
        const client = roster.as(secret(1));
        const first = await members(client, 1);
        assert.ok(first.length === 1, 'one of the two is a member at any time');
        await eventually(async () => assert.deepEqual(await members(client, 1), [[2, false]]));
        await eventually(async () => {
            const left = fromLines(await roster.export())
                .filter(({ type }) => type === 'membership')
                .map(({ userId }) => userId);
            assert.deepEqual(left, [2]);
        });
        assert.deepEqual(await members(client, 1), [[2, false]]);
        await roster.check();
    });
});
