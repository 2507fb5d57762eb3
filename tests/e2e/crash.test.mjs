// kill -9 under write load, again and again. After each restart every write that was answered is there; of the one write
// each client was waiting for, either all is there or nothing; `roster check` finds nothing. ROSTER_CRASH_ROUNDS: how many
// rounds. ROSTER_SEED repeats the sequence of operations (not the moment of the kill).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { bearer, group, organization, secret, toLines, user } from './support/objects.mjs';
import { Random, SEED } from './support/random.mjs';
import { BINARY, Roster } from './support/roster.mjs';
import { eventually, sleep } from './support/wait.mjs';

const ROUNDS = Number(process.env.ROSTER_CRASH_ROUNDS ?? 200);
const ORGANIZATIONS = 3,
    CLIENTS = 6,
    USERS = 12;
const random = new Random(SEED);

/* Users of organization n: 100n + 1 ... */
const usersOf = (n) => Array.from({ length: USERS }, (_, i) => 100 * n + i + 1);

/* What a client knows of the groups that only it changes: name -> { id, description, members: { userId: groupAdmin } }. A write is a pure
 * function from one such state to the next, so that "before it" and "after it" can both be compared with what is found. */
const copy = (state) => structuredClone(state);

const WRITES = {
    create(writer) {
        const values = { name: `${writer.prefix}${++writer.counter}`, description: `made ${writer.counter}` };
        return {
            send: () => writer.client.post(GROUPS, values),
            apply: (state, id) => ({ ...state, [values.name]: { id, description: values.description, members: {} } }),
            name: values.name,
        };
    },
    rename(writer, name) {
        const values = { name: `${writer.prefix}${++writer.counter}`, description: `renamed ${writer.counter}` };
        return {
            send: () => writer.client.put(`${GROUPS}/${writer.state[name].id}`, values),
            apply: ({ [name]: old, ...rest }) => ({ ...rest, [values.name]: { ...old, description: values.description } }),
        };
    },
    delete(writer, name) {
        return {
            send: () => writer.client.delete(`${GROUPS}/${writer.state[name].id}`),
            apply: ({ [name]: gone, ...rest }) => rest,
        };
    },
    addSeveral(writer, name) {
        const members = random
            .picks(writer.users, 2 + random.below(6))
            .map((userId) => ({ userId, groupAdmin: random.chance(0.5) }));
        return {
            send: () => writer.client.post(`${GROUPS}/${writer.state[name].id}/users`, members),
            apply: (state) =>
                withMembers(state, name, (known) => members.forEach(({ userId, groupAdmin }) => (known[userId] = groupAdmin))),
        };
    },
    removeSeveral(writer, name) {
        const userIds = random.picks(writer.users, 2 + random.below(6));
        return {
            send: () => writer.client.delete(`${GROUPS}/${writer.state[name].id}/users`, userIds),
            apply: (state) => withMembers(state, name, (known) => userIds.forEach((userId) => delete known[userId])),
        };
    },
    addOne(writer, name) {
        const userId = random.pick(writer.users);
        return {
            send: () => writer.client.post(`${GROUPS}/${writer.state[name].id}/users/${userId}?groupAdmin=true`),
            apply: (state) => withMembers(state, name, (known) => (known[userId] = true)),
        };
    },
};

function withMembers(state, name, change) {
    const changed = copy(state);
    change(changed[name].members);
    return changed;
}

class Writer {
    constructor(number) {
        this.organizationId = (number % ORGANIZATIONS) + 1;
        this.prefix = `writer ${number} group `;
        this.users = usersOf(this.organizationId);
        this.counter = 0;
        this.state = {};
        this.pending = null; // the write whose answer is being waited for
        this.acknowledged = 0;
    }

    next() {
        const names = Object.keys(this.state);
        if (names.length < 2) return WRITES.create(this);
        if (names.length > 4) return WRITES.delete(this, random.pick(names));
        return random.pick([
            WRITES.create,
            WRITES.rename,
            WRITES.addSeveral,
            WRITES.addSeveral,
            WRITES.removeSeveral,
            WRITES.addOne,
        ])(this, random.pick(names));
    }

    /* Writes until the server is gone. */
    async run(roster) {
        this.client = roster.as(secret(this.organizationId));
        for (;;) {
            this.pending = this.next();
            let answer;
            try {
                answer = await this.pending.send();
            } catch {
                return;
            }
            assert.equal(answer.status, 200, answer.text);
            this.state = this.pending.apply(this.state, answer.json);
            this.pending = null;
            this.acknowledged++;
        }
    }

    /* `found`: all groups of the organization. What is there must be the state before or after the pending write. */
    verify(found) {
        const own = {};
        for (const { id, name, description, users } of found.filter(({ name }) => name.startsWith(this.prefix)))
            own[name] = {
                id,
                description,
                members: Object.fromEntries(users.map(({ id: userId, groupAdmin }) => [userId, groupAdmin])),
            };
        const possible = [this.state];
        if (this.pending) possible.push(this.pending.apply(this.state, own[this.pending.name]?.id));
        if (!possible.some((state) => same(own, state)))
            assert.deepEqual(own, possible[0], `${this.prefix}: neither before nor after the pending write`);
        const survived = this.pending !== null && same(own, possible[1]) && !same(own, this.state);
        this.state = own;
        this.pending = null;
        return survived;
    }
}

function same(a, b) {
    try {
        assert.deepEqual(a, b);
        return true;
    } catch {
        return false;
    }
}

async function readAll(client) {
    const answer = await client.get(`${GROUPS}?size=100&includeUsers=true`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

describe(`${ROUNDS} rounds of kill -9 under write load, seed ${SEED}`, () => {
    const roster = new Roster();
    const writers = Array.from({ length: CLIENTS }, (_, number) => new Writer(number));
    let pending = 0,
        survived = 0;

    before(async () => {
        const objects = [];
        for (let n = 1; n <= ORGANIZATIONS; n++)
            objects.push(organization(n, `Organization ${n}`), ...usersOf(n).map((id) => user(n, id)), bearer(n, secret(n)));
        await roster.import(objects);
        await roster.serve(['--request-log=false']);
    });
    after(() => roster.stop());

    const acknowledged = () => writers.reduce((sum, writer) => sum + writer.acknowledged, 0);

    async function verifyAll() {
        for (let n = 1; n <= ORGANIZATIONS; n++) {
            const found = await readAll(roster.as(secret(n)));
            for (const writer of writers.filter(({ organizationId }) => organizationId === n)) survived += writer.verify(found);
        }
    }

    it('lose nothing that was answered and leave nothing half done', async (t) => {
        for (let round = 1; round <= ROUNDS; round++) {
            const running = writers.map((writer) => writer.run(roster));
            const answered = acknowledged();
            if (round % 2) await eventually(() => assert.ok(acknowledged() >= answered + 2), 60_000); // else at any moment
            await sleep(5 + random.below(60));
            await roster.killAndSettle();
            await Promise.all(running);
            pending += writers.filter((writer) => writer.pending).length;
            try {
                await roster.serve(['--request-log=false']);
                await Promise.all([verifyAll(), roster.check()]);
            } catch (error) {
                throw new Error(`round ${round}: ${error.message}`, { cause: error });
            }
        }
        t.diagnostic(`${acknowledged()} writes answered, ${pending} cut off by the kill, ${survived} of these were committed`);
        assert.ok(acknowledged() >= ROUNDS, 'the load was too low to mean anything');
    });
});

describe('kill -9 of an import', () => {
    it('leaves a good database, and importing again completes it', async () => {
        const uuid = (n) => `22222222-2222-4222-8222-${String(n).padStart(12, '0')}`;
        const objects = [organization(1, 'Acme', { uuid: uuid(0) })];
        for (let id = 1; id <= 30_000; id++) objects.push(user(1, id, { uuid: uuid(id) }));
        for (let id = 1; id <= 5000; id++) objects.push(group(1, id, `Group ${id}`, { uuid: uuid(100_000 + id) }));
        const text = toLines(objects),
            whole = new Roster();
        const begun = performance.now();
        await whole.import(text);
        const takes = performance.now() - begun;

        const roster = new Roster(),
            file = roster.file('import.ndjson', text);
        const isMade = async () => (await roster.run(['migrate', '--check', '--store', roster.store])).code === 0;
        for (let round = 0; round < 6; round++) {
            const child = spawn(BINARY, ['import', '--store', roster.store, file], {
                cwd: roster.directory,
                stdio: 'ignore',
                env: roster.environment(),
            });
            const ended = new Promise((resolve) => child.on('close', resolve));
            await sleep((takes * (round + 1)) / 7);
            child.kill('SIGKILL');
            await ended;
            await roster.settle();
            if (await isMade()) await roster.check();
        }
        await roster.import(text);
        await roster.check();
        assert.equal(await roster.export(), await whole.export());
    });
});
