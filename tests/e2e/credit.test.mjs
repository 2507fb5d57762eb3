// Who made a group and who changed it last: createdBy and modifiedBy in the export, whichever way it was done.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS } from './support/bold.mjs';
import { bearer, fromLines, group, membership, organization, secret, user } from './support/objects.mjs';
import { Roster, serveObjects } from './support/roster.mjs';

const LONG = '佰'.repeat(255);

/* Who asks, and what they are called. */
const ASKERS = {
    'a service key with a name': [secret(1), 'sync job'],
    'a service key without one': [secret(2), undefined],
    'the named key of a user': [secret(3), "Ada's laptop"],
    'a user': [secret(4), 'Ada'],
    'a user with first and last name': [secret(5), 'Bob Builder'],
    'a user with a user name only': [secret(6), 'carl'],
    'a user with names that are too long together': [secret(7), LONG],
};

const WORLD = [
    organization(1, 'Acme'),
    user(1, 1, { displayName: 'Ada', firstName: 'Not', lastName: 'Asked', superUser: true }),
    user(1, 2, { firstName: 'Bob', lastName: 'Builder', superUser: true }),
    user(1, 3, { userName: 'carl', superUser: true }),
    user(1, 4, { firstName: LONG, lastName: LONG, superUser: true }),
    user(1, 5, { displayName: 'Max' }),
    group(1, 1, 'Imported', { createdBy: 'an older system', modifiedBy: 'also' }),
    group(1, 2, 'Managed', { createdBy: 'an older system' }),
    membership(1, 2, 5, { manager: true }),
    bearer(1, secret(1), { name: 'sync job' }),
    bearer(1, secret(2)),
    bearer(1, secret(3), { userId: 1, name: "Ada's laptop" }),
    bearer(1, secret(4), { userId: 1 }),
    bearer(1, secret(5), { userId: 2 }),
    bearer(1, secret(6), { userId: 3 }),
    bearer(1, secret(7), { userId: 4 }),
    bearer(1, secret(8), { userId: 5 }),
];

let roster;
before(async () => (roster = await serveObjects(WORLD)));
after(async () => {
    await roster.check();
    await roster.stop();
});

/* [createdBy, modifiedBy] of a group in the export. */
async function creditOf(id) {
    const line = fromLines(await roster.export()).find((line) => line.type === 'group' && line.id === id);
    return [line.createdBy, line.modifiedBy];
}

async function make(asker, name) {
    const answer = await roster.as(ASKERS[asker][0]).post(GROUPS, { name });
    assert.equal(answer.status, 200, answer.text);
    return Number(answer.text);
}

describe('a group that is made, changed, renamed by', () => {
    for (const [asker, [credential, name]] of Object.entries(ASKERS))
        it(asker, async () => {
            const id = await make(asker, `Of ${asker}`);
            assert.deepEqual(await creditOf(id), [name, undefined]);
            const other = await make('a service key with a name', `For ${asker}`);
            await roster.as(credential).put(`${GROUPS}/${other}`, { description: 'changed' });
            assert.deepEqual(await creditOf(other), ['sync job', name]);
            await roster.as(secret(1)).put(`${GROUPS}/${other}`, { description: 'again' });
            assert.deepEqual(await creditOf(other), ['sync job', 'sync job']);
            await roster.as(credential).put(`${GROUPS}/${other}`, { name: `Renamed by ${asker}` });
            assert.deepEqual(await creditOf(other), ['sync job', name]);
        });
});

describe('nobody gets credit', () => {
    it('for what changes nothing', async () => {
        await roster.as(secret(4)).put(`${GROUPS}/1`, { name: 'Imported' });
        assert.deepEqual(await creditOf(1), ['an older system', 'also']);
    });
    it('for what was refused', async () => {
        assertError(await roster.as(secret(8)).put(`${GROUPS}/2`, { description: 'no' }), 'Forbidden');
        assertError(await roster.as(secret(4)).put(`${GROUPS}/1`, { name: 'Managed' }), 'UserGroupNameTaken');
        assert.deepEqual(
            [await creditOf(1), await creditOf(2)],
            [
                ['an older system', 'also'],
                ['an older system', undefined],
            ],
        );
    });
    it('for members', async () => {
        assert.equal((await roster.as(secret(8)).post(`${GROUPS}/2/users/1`)).status, 200);
        assert.deepEqual(await creditOf(2), ['an older system', undefined]);
    });
    it('by sending it', async () => {
        const { status, text } = await roster
            .as(secret(1))
            .post(GROUPS, { name: 'Claimed', createdBy: 'somebody', modifiedBy: 'somebody' }, { undescribed: 'members more' });
        if (status === 200) assert.deepEqual(await creditOf(Number(text)), ['sync job', undefined]);
        else assert.equal(status, 400);
    });
});

describe('an export', () => {
    it('can be imported, and has the same names then', async () => {
        const exported = await roster.export();
        const other = new Roster();
        await other.import(exported);
        assert.equal(await other.export(), exported);
        await other.check();
    });
    it('a log is followed with them: another server on the same database, and the same one after a restart', async () => {
        const id = await make('a user with first and last name', 'Followed');
        const exported = await roster.export();
        await roster.restart();
        await roster.assertExportIs(exported);
        await roster.as(secret(1)).put(`${GROUPS}/${id}`, { remarks: 'after the restart' });
        assert.deepEqual(await creditOf(id), ['Bob Builder', 'sync job']);
    });
});
