// history.mjs — what clients of several nodes did and saw of one organization, and whether it can have been one directory.
//
// Writers change the same groups through all nodes at once, readers read all of them all the time, and everything is written down
// with the Roster-Version it had. Then the versions are replayed one by one: each must be made by exactly one write that said so
// (or that could not say: an unknown outcome), and everything that anybody saw of a version must be what the replay has there.
import assert from 'node:assert/strict';
import { GROUPS } from './bold.mjs';
import { atLeast, versionOf } from './nodes.mjs';
import { fromLines } from './objects.mjs';

/* Fewer names than a page has places: the whole state is in one answer, and writers want the same names. */
const NAMES = 40;
const ALL = `${GROUPS}?size=100&includeUsers=true`;

// --- states: a Map of group id to { name, description, members: { userId: groupAdmin } } ---

const stateOf = (groups) =>
    new Map(
        groups.map(({ id, name, description, users }) => [
            id,
            { name, description, members: Object.fromEntries(users.map((user) => [user.id, user.groupAdmin])) },
        ]),
    );

const textOf = (state) => JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1)));

const fold = (name) => name.toLowerCase();
const isTaken = (state, name, exceptId) =>
    [...state].some(([id, group]) => id !== exceptId && fold(group.name) === fold(name));

/* What a rule says of a write: { code } if it refuses, else { state } after it. Writes are made by `random` for what is there now. */
const KINDS = {
    create(random, ids, users, tag) {
        const values = { name: randomName(random), description: `d${random.below(3)}`, remarks: tag };
        return {
            send: (client, options) => client.post(GROUPS, values, options),
            predict: (state, id) =>
                isTaken(state, values.name)
                    ? { code: 'UserGroupNameTaken' }
                    : { state: new Map(state).set(id, { name: values.name, description: values.description, members: {} }) },
            makes: true,
        };
    },
    rename(random, ids) {
        const name = randomName(random);
        return update(random.pick(ids), { name });
    },
    describe(random, ids) {
        return update(random.pick(ids), { description: `d${random.below(3)}` });
    },
    remove(random, ids) {
        const id = random.pick(ids);
        return {
            send: (client, options) => client.delete(`${GROUPS}/${id}`, undefined, options),
            predict: whereThere(id, (state) => {
                const rest = new Map(state);
                rest.delete(id);
                return { state: rest };
            }),
        };
    },
    addMembers(random, ids, users) {
        const id = random.pick(ids);
        const userIds = [...new Set(random.picks(users, 1 + random.below(5)))];
        const members = userIds.map((userId) => ({ userId, groupAdmin: random.chance(0.5) }));
        const change = (known) => members.forEach(({ userId, groupAdmin }) => (known[userId] = groupAdmin));
        return {
            send: (client, options) => client.post(`${GROUPS}/${id}/users`, members, options),
            predict: whereThere(id, (state) => withMembers(state, id, change)),
        };
    },
    removeMembers(random, ids, users) {
        const id = random.pick(ids);
        const userIds = [...new Set(random.picks(users, 1 + random.below(5)))];
        return {
            send: (client, options) => client.delete(`${GROUPS}/${id}/users`, userIds, options),
            predict: whereThere(id, (state) =>
                withMembers(state, id, (known) => userIds.forEach((userId) => delete known[userId])),
            ),
        };
    },
};
const LOTTERY = ['create', 'create', 'create', 'rename', 'rename', 'describe', 'remove', 'addMembers', 'addMembers', 'removeMembers'];

function randomName(random) {
    const name = `Name ${random.below(NAMES)}`;
    return random.chance(0.2) ? name.toUpperCase() : name;
}

const whereThere = (id, predict) => (state) => (state.has(id) ? predict(state) : { code: 'UserGroupNotFound' });

function update(id, values) {
    return {
        send: (client, options) => client.put(`${GROUPS}/${id}`, values, options),
        predict: whereThere(id, (state) =>
            values.name !== undefined && isTaken(state, values.name, id)
                ? { code: 'UserGroupNameTaken' }
                : { state: new Map(state).set(id, { ...state.get(id), ...values }) },
        ),
    };
}

function withMembers(state, id, change) {
    const members = { ...state.get(id).members };
    change(members);
    return { state: new Map(state).set(id, { ...state.get(id), members }) };
}

export class History {
    /* { kind, node, predict, outcome: done | refused | unknown | failed, version, code, id, tag }; `known`: the newest version that
     * anybody was told of when it was sent; `asked`: its Roster-At-Least. */
    writes = [];
    seen = new Map(); // version -> { text, nodes: Set }
    tags = new Map(); // of groups: what their creator wrote into them -> id
    acknowledged = 0; // the newest version that anybody was told of
    latest = new Map();
    failedReads = 0;
    staleReads = 0;

    /* Clients ask the nodes with a service key of the organization with these users. `faults`: 503 is an answer to be expected. */
    constructor(nodes, { organizationId, token, users, random, faults = false }) {
        Object.assign(this, { nodes, organizationId, token, users, random, faults });
    }

    /* What is there before anybody writes. */
    async begin() {
        const answer = await this.nodes.all[0].as(this.token).get(ALL);
        this.start = { version: versionOf(answer), state: stateOf(answer.json) };
        this.acknowledged = this.start.version;
        this.#see(answer, 0);
    }

    /* A client that writes through random nodes until `isOver()`, or always through that one. */
    async write(isOver, always) {
        const clients = this.nodes.all.map((node) => node.as(this.token));
        while (!isOver()) {
            const node = always ?? this.random.below(clients.length),
                tag = `write ${this.writes.length}`;
            const kind = this.random.pick(LOTTERY);
            const ids = [...this.latest.keys(), 999_999]; // one that never was
            const { send, predict, makes } = KINDS[kind](this.random, ids, this.users, tag);
            const known = this.acknowledged,
                asked = this.random.chance(0.5) ? known : 0;
            const write = { kind, node, predict, makes, tag, known, asked, outcome: 'unknown' };
            this.writes.push(write);
            this.#conclude(write, await send(clients[node], asked ? atLeast(asked) : {}));
            write.ended = true;
        }
    }

    #conclude(write, answer) {
        if (answer.status === 503 && this.faults) {
            write.outcome = answer.json.code === 'UnknownOutcome' ? 'unknown' : 'failed';
            return;
        }
        assert.ok(answer.status < 500, `${write.kind} on node ${write.node}: ${answer.status} ${answer.text}`);
        write.version = versionOf(answer);
        if (answer.status === 200) {
            write.outcome = 'done';
            write.id = write.makes ? answer.json : undefined;
            this.acknowledged = Math.max(this.acknowledged, write.version);
        } else {
            write.outcome = 'refused';
            write.code = answer.json.code;
        }
    }

    /* A client that reads from one node on one connection until `isOver()`: what it sees never goes back. */
    async read(node, isOver) {
        const client = this.nodes.all[node].as(this.token, { keepAlive: true });
        client.agent.maxSockets = 1;
        let last = 0;
        for (let i = 0; !isOver(); i++) {
            const asked = i % 2 ? this.acknowledged : 0;
            const answer = await client.get(ALL, asked ? atLeast(asked) : {});
            if (answer.status === 503 && this.faults) {
                this.failedReads++;
                continue;
            }
            assert.equal(answer.status, 200, answer.text);
            const version = versionOf(answer);
            assert.ok(version >= asked, `node ${node} showed version ${version}, at least ${asked} was asked for`);
            assert.ok(version >= last, `node ${node} showed version ${version} after ${last}`);
            last = version;
            if (answer.header('Roster-Stale')) this.staleReads++;
            this.#see(answer, node);
        }
    }

    /* The same version looks the same everywhere, to the byte. */
    #see(answer, node) {
        const version = versionOf(answer);
        const known = this.seen.get(version);
        if (known) {
            assert.equal(answer.text, known.text, `version ${version} on node ${node} and on nodes ${[...known.nodes]}`);
            known.nodes.add(node);
            return;
        }
        this.seen.set(version, { text: answer.text, nodes: new Set([node]) });
        for (const { id, remarks } of answer.json) if (remarks) this.tags.set(remarks, id);
        this.latest = stateOf(answer.json);
    }

    /* Writers and readers at once until `isOver()`. `writers` choose a node each time; each node has `writersPerNode` more of its own. */
    async run({ writers, writersPerNode = 0, readersPerNode = 1, isOver }) {
        const everyone = Array.from({ length: writers }, () => this.write(isOver));
        this.nodes.all.forEach((_, node) => {
            for (let i = 0; i < writersPerNode; i++) everyone.push(this.write(isOver, node));
            for (let i = 0; i < readersPerNode; i++) everyone.push(this.read(node, isOver));
        });
        await Promise.all(everyone);
    }

    /* Every node has what was acknowledged; all show one version, which is in the database. */
    async settle(eventually) {
        await eventually(async () => {
            const versions = new Set();
            for (const [node, roster] of this.nodes.all.entries()) {
                const answer = await roster.as(this.token).get(ALL, atLeast(this.acknowledged));
                assert.equal(answer.status, 200, answer.text);
                assert.equal(answer.header('Roster-Stale'), undefined);
                this.#see(answer, node);
                versions.add(versionOf(answer));
            }
            assert.equal(versions.size, 1, `the nodes show versions ${[...versions].join(', ')}`);
            [this.end] = versions;
        });
        const lines = fromLines(await this.nodes.database.export());
        const own = lines.filter(({ organizationId }) => organizationId === this.organizationId);
        const groups = own.filter(({ type, deletedAt }) => type === 'group' && !deletedAt);
        const members = (id) => own.filter(({ type, groupId }) => type === 'membership' && groupId === id);
        const exported = groups.map(({ id, name, description = '' }) => ({
            id,
            name,
            description,
            users: members(id).map(({ userId, manager = false }) => ({ id: userId, groupAdmin: manager })),
        }));
        assert.equal(textOf(stateOf(exported)), textOf(stateOf(JSON.parse(this.seen.get(this.end).text))));
    }

    /* What was written down, to be changed apart from this. */
    copy() {
        const copy = Object.assign(new History(this.nodes, this), this);
        copy.writes = this.writes.map((write) => ({ ...write }));
        copy.seen = new Map([...this.seen].map(([version, seen]) => [version, { ...seen }]));
        return copy;
    }

    // --- was it one directory? ---

    /* Replays all versions; throws what does not fit. */
    check() {
        for (const { tag, kind, node, version, asked } of this.writes)
            assert.ok(!(version < asked), `${tag} (${kind}, node ${node}): version ${version}, at least ${asked} was asked for`);
        const byVersion = new Map();
        for (const write of this.writes) byVersion.set(write.version, [...(byVersion.get(write.version) ?? []), write]);
        const unknown = this.writes.filter(({ outcome }) => outcome === 'unknown');
        for (const write of unknown) write.id = this.tags.get(write.tag) ?? `of ${write.tag}, seen by nobody`;
        let possible = [{ state: this.start.state, used: new Set() }]; // more than one only after unknown outcomes
        this.assertSeen(this.start.version, possible);
        for (let version = this.start.version + 1; version <= this.end; version++) {
            const answers = byVersion.get(version) ?? [];
            const next = possible.flatMap((before) => this.#next(before, version, answers, unknown));
            possible = distinct(next.filter(({ state }) => this.#fits(version, state)));
            assert.ok(possible.length > 0, this.#explain(version, answers, next));
        }
        const beyond = this.writes.filter(({ version }) => version > this.end);
        assert.deepEqual(beyond, [], 'a version that was told and is not there');
        this.unknownThatCame = possible[0].used.size;
    }

    /* What version may be after one before: one write made it, and whoever else was told of it changed nothing. */
    #next({ state, used }, version, answers, unknown) {
        const done = answers.filter(({ outcome }) => outcome === 'done'),
            refused = answers.filter(({ outcome }) => outcome === 'refused');
        const makers = [...done, ...unknown.filter((write) => !used.has(write))];
        const result = [];
        for (const maker of makers) {
            const after = maker.predict(state, maker.id).state;
            if (!after || textOf(after) === textOf(state)) continue;
            if (maker.known >= version) continue; // somebody was told of the version before this was sent
            const idle = done.every((write) => write === maker || changesNothing(write, after));
            const right = refused.every((write) => write.predict(after).code === write.code);
            if (!idle || !right) continue;
            result.push({ state: after, used: maker.outcome === 'unknown' ? new Set(used).add(maker) : used });
        }
        return result;
    }

    #fits(version, state) {
        const seen = this.seen.get(version);
        return !seen || textOf(stateOf(JSON.parse(seen.text))) === textOf(state);
    }

    assertSeen(version, possible) {
        assert.ok(possible.some(({ state }) => this.#fits(version, state)));
    }

    #explain(version, answers, next) {
        const told = answers.map(({ kind, node, outcome, code, tag }) => `${tag} (${kind}, node ${node}): ${code ?? outcome}`);
        const seen = this.seen.get(version);
        return [
            `version ${version} is not one change after the one before`,
            `told of it: ${told.join('; ') || 'nobody'}`,
            `seen by nodes ${seen ? [...seen.nodes].join(', ') : '(none)'}: ${seen?.text ?? ''}`,
            `the replay would have: ${next.map(({ state }) => textOf(state)).join(' or ') || 'nothing'}`,
        ].join('\n');
    }

    /* One line of what there was, to be printed. */
    get summary() {
        const count = (outcome) => this.writes.filter((write) => write.outcome === outcome).length;
        const reads = `${this.seen.size} versions seen, ${this.staleReads} stale reads, ${this.failedReads} refused`;
        const unknown = `${count('unknown')} unknown (${this.unknownThatCame ?? '?'} of them came)`;
        return `${count('done')} writes done, ${count('refused')} refused, ${count('failed')} failed, ${unknown}; ${reads}`;
    }
}

const changesNothing = (write, state) => {
    const after = write.predict(state, write.id).state;
    return after !== undefined && textOf(after) === textOf(state);
};

/* States that are the same are one, unless other writes of unknown outcome led there. */
function distinct(possible) {
    const known = new Map();
    for (const one of possible) known.set(`${textOf(one.state)} ${[...one.used].map(({ tag }) => tag).sort()}`, one);
    return [...known.values()];
}
