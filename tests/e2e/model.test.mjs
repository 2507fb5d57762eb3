// Thousands of random operations by several callers, against the server and against a naive model (support/model.mjs):
// every answer must be the same. A failure prints the seed and the step; ROSTER_SEED=N repeats it. ROSTER_STEPS: how many.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS, query } from './support/bold.mjs';
import { Model } from './support/model.mjs';
import { bearer, DATE, group, membership, organization, secret, user } from './support/objects.mjs';
import { Random, SEED } from './support/random.mjs';
import { serveObjects } from './support/roster.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 5000);
const RESTART_EVERY = 1500;

/* Letters whose lower case is their case folding, in several scripts and forms. */
const PIECES = [
    'alpha',
    'Beta',
    'GAMMA',
    'ärger',
    'ÖL',
    'éclair',
    'e\u0301clair',
    'Москва',
    'моск',
    'ΑΒΓ',
    'αβ',
    '日本',
    '😀',
    'Ñ',
    'x',
    'X',
    '0',
    '1',
    '10',
    '%',
    '*',
    '_',
    '\\',
    '"',
    '<b>',
    '-',
];
const SEARCHES = [
    '',
    'a',
    'AL',
    'beta',
    'BETA ',
    'är',
    'É',
    'e\u0301',
    'МОСК',
    'αΒ',
    '日',
    '本',
    '😀',
    'x',
    '1',
    '%',
    '*',
    '_',
    '\\',
    '"',
    ' ',
    'no such',
    'lpha ga',
];

const random = new Random(SEED);
const model = new Model([
    { id: 1, uniqueGroupNames: true },
    { id: 2, uniqueGroupNames: false },
]);

const randomName = () => random.picks(PIECES, 1 + random.below(4)).join(random.pick([' ', '', ' ', '-']));

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

/* A start with enough groups for pages: user 2 manages every fourth, users 3 and 4 are in every third. */
function startWorld() {
    for (let id = 1; id <= 160; id++) {
        const organizationId = id <= 120 ? 1 : 2;
        let name = randomName();
        while (model.isTaken(organizationId, name)) name += random.pick(PIECES);
        const members = new Map();
        const users = model.users.filter((user) => user.organizationId === organizationId);
        for (const { id: userId } of random.picks(users, random.below(6))) members.set(userId, random.chance(0.3));
        if (organizationId === 1 && id % 4 === 0) members.set(2, true);
        if (organizationId === 1 && id % 3 === 0) members.set(3, false).set(4, false);
        if (organizationId === 2 && id % 2 === 0) members.set(102, id % 4 === 0);
        model.groups.push({ id, organizationId, name, dateCreated: DATE, members });
    }
    return [
        organization(1, 'One'),
        organization(2, 'Two', { uniqueGroupNames: false }),
        ...model.users.map((one) => user(one.organizationId, one.id, { superUser: one.superUser })),
        ...model.groups.map((one) => group(one.organizationId, one.id, one.name)),
        ...model.groups.flatMap((one) =>
            [...one.members].map(([userId, manager]) => membership(one.organizationId, one.id, userId, { manager })),
        ),
        ...CALLERS.map(({ token, organizationId, userId, writes }) =>
            bearer(organizationId, token, { userId, rights: writes ? ['read', 'write'] : ['read'] }),
        ),
    ];
}

let roster, clients;
const clientOf = (caller) => clients.get(caller);

// --- one step of each kind; `caller` asks ---

const anyGroupId = () => (random.chance(0.05) ? 999_999 : random.pick(model.groups).id);
const anyUserId = () => (random.chance(0.05) ? 888_888 : random.pick(model.users).id);

/* Mostly of the caller's organization, so that most calls succeed. */
function likelyGroupId(caller) {
    const seen = model.seenBy(caller);
    return seen.length && random.chance(0.85) ? random.pick(seen).id : anyGroupId();
}
const likelyUserId = (caller) =>
    random.chance(0.9) ? random.pick(model.users.filter((one) => one.organizationId === caller.organizationId)).id : anyUserId();

function randomListParameters(caller) {
    const maybe = (probability, make) => (random.chance(probability) ? make() : undefined);
    const sortBy = maybe(0.5, () => 'name');
    return {
        search: maybe(0.5, () => (random.chance(0.2) ? random.pick(model.groups).name : random.pick(SEARCHES))),
        userId: maybe(0.25, () => likelyUserId(caller)),
        organizationId: maybe(0.15, () => random.pick([1, 2, 3])),
        sortBy,
        sortDirection: sortBy && maybe(0.6, () => random.pick(['asc', 'desc', 'Asc', 'Desc', 'DESC'])),
        offset: maybe(0.5, () => random.pick([0, 1, 2, 5, 10, 30, 49, 50, 100, 119, 500])),
        size: maybe(0.6, () => random.pick([1, 2, 3, 7, 10, 50, 99, 100, 101, 4000])),
        includeUsers: maybe(0.4, () => random.chance(0.8)),
    };
}

async function compareList(caller, parameters) {
    const answer = await clientOf(caller).get(GROUPS + query(parameters));
    assert.equal(answer.status, 200, answer.text);
    const expected = model.list(caller, parameters),
        wanted = JSON.stringify(expected);
    if (answer.text === wanted) return;
    const at = answer.json.findIndex((shown, i) => JSON.stringify(shown) !== JSON.stringify(expected[i]));
    const where = `${query(parameters) || 'no parameters'}: ${answer.json.length} groups instead of ${expected.length}; place ${at}`;
    assert.deepEqual(answer.json[at], expected[at], where);
    assert.equal(answer.text, wanted, where);
}

const list = (caller) => compareList(caller, randomListParameters(caller));

async function get(caller) {
    const id = anyGroupId(),
        includeUsers = random.chance(0.5);
    const answer = await clientOf(caller).get(`${GROUPS}/${id}${query({ includeUsers })}`);
    const expected = model.get(caller, id, includeUsers);
    if (expected.status === 200) assert.equal(answer.text, JSON.stringify(expected.json));
    else assertError(answer, expected.code);
}

/* True when the answer and the model agree that it is done. */
function agreed(answer, expected) {
    if (expected.status !== 200) assertError(answer, expected.code);
    else assert.equal(answer.status, 200, answer.text);
    return expected.status === 200;
}

async function create(caller) {
    const values = { name: randomName(), description: random.pick(['', 'd', undefined]), remarks: random.pick(['r', undefined]) };
    const expected = model.create(caller, values);
    const answer = await clientOf(caller).post(GROUPS, values);
    if (!agreed(answer, expected)) return;
    const { dateCreated } = (await clientOf(caller).get(`${GROUPS}/${answer.json}`)).json;
    assert.ok(!model.groups.some(({ id }) => id === answer.json), 'a number given twice');
    expected.apply(answer.json, dateCreated);
}

async function update(caller) {
    const id = likelyGroupId(caller);
    const values = random.pick([
        () => ({ name: randomName() }),
        () => ({ description: `d${random.below(5)}` }),
        () => ({ remarks: 'new', name: randomName() }),
        () => ({}),
    ])();
    const expected = model.update(caller, id, values);
    const answer = await clientOf(caller).put(`${GROUPS}/${id}`, values);
    if (!agreed(answer, expected)) return;
    assert.equal(answer.json, id);
    const { dateModified } = (await clientOf(caller).get(`${GROUPS}/${id}`)).json;
    assert.equal(
        dateModified !== expected.group.dateModified,
        expected.changes,
        'dateModified moves with a change, and only then',
    );
    expected.apply();
    expected.group.dateModified = dateModified;
}

async function remove(caller) {
    const id = likelyGroupId(caller);
    const expected = model.delete(caller, id);
    if (agreed(await clientOf(caller).delete(`${GROUPS}/${id}`), expected)) expected.apply();
}

async function addOne(caller) {
    const id = likelyGroupId(caller),
        userId = likelyUserId(caller),
        groupAdmin = random.pick([undefined, true, false]);
    const expected = model.addMembers(caller, id, [{ userId, groupAdmin }]);
    if (agreed(await clientOf(caller).post(`${GROUPS}/${id}/users/${userId}${query({ groupAdmin })}`), expected))
        expected.apply();
}

async function addSeveral(caller) {
    const id = likelyGroupId(caller);
    const userIds = [...new Set(Array.from({ length: random.below(6) }, () => likelyUserId(caller)))];
    const members = userIds.map((userId) => ({ userId, groupAdmin: random.pick([undefined, true, false]) }));
    const expected = model.addMembers(caller, id, members);
    if (agreed(await clientOf(caller).post(`${GROUPS}/${id}/users`, members), expected)) expected.apply();
}

async function removeOne(caller) {
    const id = likelyGroupId(caller),
        userId = likelyUserId(caller);
    const expected = model.removeMembers(caller, id, [userId]);
    if (agreed(await clientOf(caller).delete(`${GROUPS}/${id}/users/${userId}`), expected)) expected.apply();
}

async function removeSeveral(caller) {
    const id = likelyGroupId(caller);
    const userIds = Array.from({ length: random.below(6) }, () => likelyUserId(caller));
    const expected = model.removeMembers(caller, id, userIds);
    if (agreed(await clientOf(caller).delete(`${GROUPS}/${id}/users`, userIds), expected)) expected.apply();
}

/* How often each kind of step comes: reading is what shows whether writing went right. */
const STEP_KINDS = [
    [list, 45],
    [get, 10],
    [create, 8],
    [update, 10],
    [remove, 4],
    [addOne, 8],
    [addSeveral, 6],
    [removeOne, 5],
    [removeSeveral, 4],
];
const LOTTERY = STEP_KINDS.flatMap(([step, weight]) => Array(weight).fill(step));

/* Everything, page by page, as each caller sees it. */
async function compareAll() {
    for (const caller of CALLERS)
        for (let offset = 0; offset <= model.groups.length; offset += 100)
            await compareList(caller, { offset, size: 100, includeUsers: true });
}

describe(`${STEPS} random operations, seed ${SEED}`, () => {
    before(async () => {
        roster = await serveObjects(startWorld());
        clients = new Map(CALLERS.map((caller) => [caller, roster.as(caller.token)]));
    });
    after(() => roster.stop());

    it('server and model agree at every step', async () => {
        for (let n = 1; n <= STEPS; n++) {
            const caller = random.pick(CALLERS),
                step = random.pick(LOTTERY);
            try {
                await step(caller);
                if (n % RESTART_EVERY === 0) {
                    await roster.restart();
                    await compareAll();
                }
            } catch (error) {
                throw new Error(`ROSTER_SEED=${SEED}, step ${n}: ${step.name} by the ${caller.name}: ${error.message}`, {
                    cause: error,
                });
            }
        }
    });
    it('and at the end, from memory and from disk', async () => {
        await compareAll();
        await roster.restart();
        await compareAll();
        await roster.check();
    });
});
