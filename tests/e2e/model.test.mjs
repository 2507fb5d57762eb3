// Thousands of random operations by several callers, against the server and against a naive model (support/model.mjs):
// every answer must be the same. A failure prints the seed and the step; ROSTER_SEED=N repeats it. ROSTER_STEPS: how many.
import { after, before, describe, it } from 'node:test';
import { Model } from './support/model.mjs';
import { DATE, secret } from './support/objects.mjs';
import { objectsOf, Operations } from './support/operations.mjs';
import { Random, SEED } from './support/random.mjs';
import { serveObjects } from './support/roster.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 5000);
const RESTART_EVERY = 1500;

const random = new Random(SEED);
const model = new Model([
    { id: 1, uniqueGroupNames: true },
    { id: 2, uniqueGroupNames: false },
]);

/* Users 1 to 30 of organization 1 and 101 to 110 of organization 2; the first of each is a super user. */
for (let id = 1; id <= 30; id++) model.users.push({ id, organizationId: 1, superUser: id === 1, dateCreated: DATE });
for (let id = 101; id <= 110; id++) model.users.push({ id, organizationId: 2, superUser: id === 101, dateCreated: DATE });

const CALLERS = [
    { name: 'service key', token: secret(1), organizationId: 1, writes: true },
    { name: 'super user', token: secret(2), organizationId: 1, userId: 1, writes: true },
    { name: 'manager', token: secret(3), organizationId: 1, userId: 2, writes: true },
    { name: 'member', token: secret(4), organizationId: 1, userId: 3, writes: true },
    { name: 'reader', token: secret(5), organizationId: 1, userId: 4, writes: false },
    { name: 'other service key', token: secret(6), organizationId: 2, writes: true },
    { name: 'other member', token: secret(7), organizationId: 2, userId: 102, writes: true },
];

let roster, clients;
const operations = new Operations({ random, model, callers: CALLERS, clientOf: (caller) => clients.get(caller) });

/* A start with enough groups for pages: user 2 manages every fourth, users 3 and 4 are in every third. */
function startWorld() {
    for (let id = 1; id <= 160; id++) {
        const organizationId = id <= 120 ? 1 : 2,
            members = new Map();
        if (organizationId === 1 && id % 4 === 0) members.set(2, true);
        if (organizationId === 1 && id % 3 === 0) members.set(3, false).set(4, false);
        if (organizationId === 2 && id % 2 === 0) members.set(102, id % 4 === 0);
        operations.addToWorld(id, organizationId, members);
    }
    return objectsOf(model, CALLERS);
}

describe(`${STEPS} random operations, seed ${SEED}`, () => {
    before(async () => {
        roster = await serveObjects(startWorld());
        clients = new Map(CALLERS.map((caller) => [caller, roster.as(caller.token)]));
    });
    after(() => roster.stop());

    it('server and model agree at every step', async () => {
        for (let n = 1; n <= STEPS; n++) {
            try {
                await operations.step();
                if (n % RESTART_EVERY === 0) {
                    await roster.restart();
                    await operations.compareAll();
                }
            } catch (error) {
                throw new Error(`ROSTER_SEED=${SEED}, step ${n}: ${error.message}`, { cause: error });
            }
        }
    });
    it('and at the end, from memory and from disk', async () => {
        await operations.compareAll();
        await roster.restart();
        await operations.compareAll();
        await roster.check();
    });
});
