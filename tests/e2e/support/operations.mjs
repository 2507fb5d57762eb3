// operations.mjs — random operations on user groups by several callers, every answer compared with the naive model (model.mjs).
//
// Which server answers is the test's affair: `clientOf(caller)` may give a server's client, or one that asks any of several nodes.
import assert from 'node:assert/strict';
import { assertError, GROUPS, query } from './bold.mjs';
import { bearer, DATE, group, membership, organization, user } from './objects.mjs';

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

/* How often each kind of step comes: reading is what shows whether writing went right. */
const STEP_KINDS = [
    ['list', 45],
    ['get', 10],
    ['create', 8],
    ['update', 10],
    ['remove', 4],
    ['addOne', 8],
    ['addSeveral', 6],
    ['removeOne', 5],
    ['removeSeveral', 4],
];
const LOTTERY = STEP_KINDS.flatMap(([step, weight]) => Array(weight).fill(step));

/* True when the answer and the model agree that it is done. */
function agreed(answer, expected) {
    if (expected.status !== 200) assertError(answer, expected.code);
    else assert.equal(answer.status, 200, answer.text);
    return expected.status === 200;
}

export class Operations {
    /* `callers`: { name, token, organizationId, userId (none: a service key), writes }. */
    constructor({ random, model, callers, clientOf }) {
        Object.assign(this, { random, model, callers, clientOf });
    }

    randomName() {
        const { random } = this;
        return random.picks(PIECES, 1 + random.below(4)).join(random.pick([' ', '', ' ', '-']));
    }

    /* Puts a group into the model before the server knows it; `members` is a Map of user id to groupAdmin. */
    addToWorld(id, organizationId, members) {
        const { random, model } = this;
        let name = this.randomName();
        while (model.isTaken(organizationId, name)) name += random.pick(PIECES);
        const users = model.users.filter((user) => user.organizationId === organizationId);
        const all = new Map(random.picks(users, random.below(6)).map(({ id: userId }) => [userId, random.chance(0.3)]));
        for (const [userId, manager] of members) all.set(userId, manager);
        model.groups.push({ id, organizationId, name, dateCreated: DATE, members: all });
    }

    /* One operation of a random kind by a random caller. An error says which, so that it can be found again. */
    async step() {
        const caller = this.random.pick(this.callers),
            kind = this.random.pick(LOTTERY);
        try {
            await this[kind](caller);
        } catch (error) {
            throw new Error(`${kind} by the ${caller.name}: ${error.message}`, { cause: error });
        }
    }

    // --- one step of each kind; `caller` asks ---

    #anyGroupId() {
        const { random, model } = this;
        return random.chance(0.05) || model.groups.length === 0 ? 999_999 : random.pick(model.groups).id;
    }

    /* Mostly one that the caller sees, so that most calls succeed. */
    #likelyGroupId(caller) {
        const seen = this.model.seenBy(caller);
        return seen.length && this.random.chance(0.85) ? this.random.pick(seen).id : this.#anyGroupId();
    }

    #likelyUserId(caller) {
        const { random, model } = this;
        if (random.chance(0.9)) return random.pick(model.users.filter((one) => one.organizationId === caller.organizationId)).id;
        return random.chance(0.05) ? 888_888 : random.pick(model.users).id;
    }

    #randomListParameters(caller) {
        const { random, model } = this;
        const maybe = (probability, make) => (random.chance(probability) ? make() : undefined);
        const sortBy = maybe(0.5, () => 'name');
        return {
            search: maybe(0.5, () =>
                random.chance(0.2) && model.groups.length ? random.pick(model.groups).name : random.pick(SEARCHES),
            ),
            userId: maybe(0.25, () => this.#likelyUserId(caller)),
            organizationId: maybe(0.15, () => random.pick([1, 2, 3])),
            sortBy,
            sortDirection: sortBy && maybe(0.6, () => random.pick(['asc', 'desc', 'Asc', 'Desc', 'DESC'])),
            offset: maybe(0.5, () => random.pick([0, 1, 2, 5, 10, 30, 49, 50, 100, 119, 500])),
            size: maybe(0.6, () => random.pick([1, 2, 3, 7, 10, 50, 99, 100, 101, 4000])),
            includeUsers: maybe(0.4, () => random.chance(0.8)),
        };
    }

    async #compareList(caller, parameters, client = this.clientOf(caller)) {
        const answer = await client.get(GROUPS + query(parameters));
        assert.equal(answer.status, 200, answer.text);
        const expected = this.model.list(caller, parameters),
            wanted = JSON.stringify(expected);
        if (answer.text === wanted) return;
        const at = answer.json.findIndex((shown, i) => JSON.stringify(shown) !== JSON.stringify(expected[i]));
        const where = `${query(parameters) || 'no parameters'}: ${answer.json.length} groups instead of ${expected.length}; place ${at}`;
        assert.deepEqual(answer.json[at], expected[at], where);
        assert.equal(answer.text, wanted, where);
    }

    list(caller) {
        return this.#compareList(caller, this.#randomListParameters(caller));
    }

    async get(caller) {
        const id = this.#anyGroupId(),
            includeUsers = this.random.chance(0.5);
        const answer = await this.clientOf(caller).get(`${GROUPS}/${id}${query({ includeUsers })}`);
        const expected = this.model.get(caller, id, includeUsers);
        if (expected.status === 200) assert.equal(answer.text, JSON.stringify(expected.json));
        else assertError(answer, expected.code);
    }

    async create(caller) {
        const { random, model } = this;
        const description = random.pick(['', 'd', undefined]);
        const values = { name: this.randomName(), description, remarks: random.pick(['r', undefined]) };
        const expected = model.create(caller, values);
        const answer = await this.clientOf(caller).post(GROUPS, values);
        if (!agreed(answer, expected)) return;
        const { dateCreated } = (await this.clientOf(caller).get(`${GROUPS}/${answer.json}`)).json;
        assert.ok(!model.groups.some(({ id }) => id === answer.json), 'a number given twice');
        expected.apply(answer.json, dateCreated);
    }

    async update(caller) {
        const { random } = this;
        const id = this.#likelyGroupId(caller);
        const values = random.pick([
            () => ({ name: this.randomName() }),
            () => ({ description: `d${random.below(5)}` }),
            () => ({ remarks: 'new', name: this.randomName() }),
            () => ({}),
        ])();
        const expected = this.model.update(caller, id, values);
        const answer = await this.clientOf(caller).put(`${GROUPS}/${id}`, values);
        if (!agreed(answer, expected)) return;
        assert.equal(answer.json, id);
        const { dateModified } = (await this.clientOf(caller).get(`${GROUPS}/${id}`)).json;
        assert.equal(
            dateModified !== expected.group.dateModified,
            expected.changes,
            'dateModified moves with a change, and only then',
        );
        expected.apply();
        expected.group.dateModified = dateModified;
    }

    async remove(caller) {
        const id = this.#likelyGroupId(caller);
        const expected = this.model.delete(caller, id);
        if (agreed(await this.clientOf(caller).delete(`${GROUPS}/${id}`), expected)) expected.apply();
    }

    async addOne(caller) {
        const id = this.#likelyGroupId(caller),
            userId = this.#likelyUserId(caller),
            groupAdmin = this.random.pick([undefined, true, false]);
        const expected = this.model.addMembers(caller, id, [{ userId, groupAdmin }]);
        const answer = await this.clientOf(caller).post(`${GROUPS}/${id}/users/${userId}${query({ groupAdmin })}`);
        if (agreed(answer, expected)) expected.apply();
    }

    async addSeveral(caller) {
        const { random } = this;
        const id = this.#likelyGroupId(caller);
        const userIds = [...new Set(Array.from({ length: random.below(6) }, () => this.#likelyUserId(caller)))];
        const members = userIds.map((userId) => ({ userId, groupAdmin: random.pick([undefined, true, false]) }));
        const expected = this.model.addMembers(caller, id, members);
        if (agreed(await this.clientOf(caller).post(`${GROUPS}/${id}/users`, members), expected)) expected.apply();
    }

    async removeOne(caller) {
        const id = this.#likelyGroupId(caller),
            userId = this.#likelyUserId(caller);
        const expected = this.model.removeMembers(caller, id, [userId]);
        if (agreed(await this.clientOf(caller).delete(`${GROUPS}/${id}/users/${userId}`), expected)) expected.apply();
    }

    async removeSeveral(caller) {
        const id = this.#likelyGroupId(caller);
        const userIds = Array.from({ length: this.random.below(6) }, () => this.#likelyUserId(caller));
        const expected = this.model.removeMembers(caller, id, userIds);
        if (agreed(await this.clientOf(caller).delete(`${GROUPS}/${id}/users`, userIds), expected)) expected.apply();
    }

    /* Everything, page by page, as each caller sees it; by another's clients if they are given. */
    async compareAll(clientOf = this.clientOf) {
        for (const caller of this.callers)
            for (let offset = 0; offset <= this.model.groups.length; offset += 100)
                await this.#compareList(caller, { offset, size: 100, includeUsers: true }, clientOf(caller));
    }
}

/* The model's organizations, users and groups and the callers' credentials, to be imported. */
export const objectsOf = (model, callers) => [
    ...model.organizations.map(({ id, uniqueGroupNames }) =>
        organization(id, `Organization ${id}`, uniqueGroupNames ? {} : { uniqueGroupNames }),
    ),
    ...model.users.map((one) => user(one.organizationId, one.id, { superUser: one.superUser })),
    ...model.groups.map((one) => group(one.organizationId, one.id, one.name)),
    ...model.groups.flatMap((one) =>
        [...one.members].map(([userId, manager]) => membership(one.organizationId, one.id, userId, { manager })),
    ),
    ...callers.map(({ token, organizationId, userId, writes }) =>
        bearer(organizationId, token, { userId, rights: writes ? ['read', 'write'] : ['read'] }),
    ),
];
