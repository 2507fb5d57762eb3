// Random operations sent to random nodes of one directory, every answer compared with a naive model that knows only one
// (support/model.mjs): with Roster-At-Least several nodes are like one. A failure prints seed and step; ROSTER_SEED=N repeats it.
// ROSTER_STEPS: how many operations.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { Model } from './support/model.mjs';
import { Nodes } from './support/nodes.mjs';
import { DATE, fromLines, secret } from './support/objects.mjs';
import { objectsOf, Operations } from './support/operations.mjs';
import { Random, SEED } from './support/random.mjs';
import { eventually } from './support/wait.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 1500);
const ORGANIZATIONS = 4;
const USERS = 12,
    GROUPS_EACH = 40;

/* Organization n as a world of its own: users 100n + 1 ..., its callers, its model, and what the callers have seen of it. */
function makeOrganization(n, random) {
    const user = (i) => 100 * n + i;
    const model = new Model([{ id: n, uniqueGroupNames: n % 2 === 1 }]);
    for (let i = 1; i <= USERS; i++)
        model.users.push({ id: user(i), organizationId: n, superUser: i === 1, dateCreated: DATE });
    const caller = (i, name, more) => ({ name, token: secret(100 * n + i), organizationId: n, writes: true, ...more });
    const callers = [
        caller(1, 'service key'),
        caller(2, 'super user', { userId: user(1) }),
        caller(3, 'manager', { userId: user(2) }),
        caller(4, 'member', { userId: user(3) }),
        caller(5, 'reader', { userId: user(4), writes: false }),
    ];
    const operations = new Operations({ random, model, callers });
    for (let i = 1; i <= GROUPS_EACH; i++) {
        const members = new Map([[user(3), false]]);
        if (i % 2 === 0) members.set(user(2), true);
        operations.addToWorld(1000 * n + i, n, members);
    }
    return { n, operations, cursor: { version: 0 } };
}

function letAsk(organization, nodes, random) {
    const { operations, cursor } = organization;
    const clients = new Map(operations.callers.map((caller) => [caller, nodes.as(caller.token, cursor, random)]));
    operations.clientOf = (caller) => clients.get(caller);
}

/* Every node says the same as the model once it has seen what the callers have. */
async function compareEverywhere(nodes, { operations, cursor }) {
    for (const node of nodes.all) {
        const headers = { 'Roster-At-Least': String(cursor.version) };
        const clients = new Map(operations.callers.map((caller) => [caller, node.as(caller.token)]));
        await operations.compareAll((caller) => ({ get: (path) => clients.get(caller).get(path, { headers }) }));
    }
}

for (const count of [2, 3]) {
    describe(`${count} nodes, seed ${SEED}`, () => {
        it(`${STEPS} operations one after another, each to any node`, async () => {
            const random = new Random(SEED + count);
            const organization = makeOrganization(1, random);
            const { operations } = organization;
            const nodes = await Nodes.serve(count, objectsOf(operations.model, operations.callers));
            letAsk(organization, nodes, random);
            for (let step = 1; step <= STEPS; step++) {
                try {
                    await operations.step();
                } catch (error) {
                    throw new Error(`ROSTER_SEED=${SEED}, step ${step}: ${error.message}`, { cause: error });
                }
            }
            await compareEverywhere(nodes, organization);
            await nodes.database.check();
            await nodes.stop();
        });

        it(`${ORGANIZATIONS} organizations at once: none is in the way of another`, async () => {
            const organizations = Array.from({ length: ORGANIZATIONS }, (_, i) => makeOrganization(i + 1, new Random(SEED + 10 * i)));
            const objects = organizations.flatMap(({ operations }) => objectsOf(operations.model, operations.callers));
            const nodes = await Nodes.serve(count, objects);
            const run = async (organization) => {
                letAsk(organization, nodes, new Random(SEED + organization.n));
                for (let step = 1; step <= STEPS / 2; step++) {
                    try {
                        await organization.operations.step();
                    } catch (error) {
                        const where = `ROSTER_SEED=${SEED}, organization ${organization.n}, step ${step}`;
                        throw new Error(`${where}: ${error.message}`, { cause: error });
                    }
                }
            };
            await Promise.all(organizations.map(run));
            for (const organization of organizations) await compareEverywhere(nodes, organization);

            const groups = fromLines(await nodes.database.export()).filter(({ type }) => type === 'group');
            assert.equal(new Set(groups.map(({ id }) => id)).size, groups.length, 'a number given twice');
            await nodes.database.check();
            await nodes.stop();
        });
    });
}

describe('nodes that start together', () => {
    it('on a database that has no tables yet: all of them run, and are one directory', async () => {
        for (let round = 0; round < 3; round++) {
            const nodes = await Nodes.serve(3, null);
            const organization = makeOrganization(1, new Random(SEED));
            const { model, callers } = organization.operations;
            await nodes.database.import(objectsOf(model, callers));
            await eventually(async () => {
                for (const node of nodes.all) assert.equal((await node.as(callers[0].token).get(GROUPS)).json.length, GROUPS_EACH);
            });
            await nodes.stop();
            await nodes.database.check();
        }
    });
});
