// kill -9 while people log in, refresh tokens and change groups through Passbolt's API, again and again. After each restart what
// was answered with success is there: sessions live, those that were ended do not, what can be used once stays used, groups and
// members are as the last answer told. What was cut off is all there or not at all. ROSTER_CRASH_ROUNDS: how many rounds.
// ROSTER_SEED repeats the sequence of operations (not the moment of the kill).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
    assertError,
    assertSuccess,
    firstStage,
    learnServerKey,
    logIn,
    makeChallenge,
    makePerson,
    PassboltClient,
    passboltWorld,
    secondStage,
    userId,
} from './support/passbolt.mjs';
import { Random, SEED } from './support/random.mjs';
import { Roster } from './support/roster.mjs';
import { eventually, sleep } from './support/wait.mjs';

const ROUNDS = Number(process.env.ROSTER_CRASH_ROUNDS ?? 20);
const URL = 'https://pass.example.org'; // the same after every restart, so that challenges can be made ahead
const SETTINGS = [
    '--request-log=false',
    `--passbolt-url=${URL}`,
    '--passbolt-attempts-per-key=0',
    '--passbolt-attempts-per-address=0',
];
const LOG_INS = 3; // in a round, of each kind
const USERS = [2, 3, 4]; // whom Ada, who is 1, puts into her groups
const random = new Random(SEED);

const roster = new Roster();
const ada = await makePerson('ada');
let serverKey, session; // a session of Ada that lasts

/* Calls until there is nothing to do any more or the server is gone: the actor's `next` gives a call, or null. The one that got
 * no answer stays `pending`. */
async function callUntilGone(actor) {
    for (;;) {
        actor.pending = actor.next();
        if (!actor.pending) return;
        let answer;
        try {
            answer = await actor.pending.send();
        } catch {
            return;
        }
        await actor.pending.succeed(answer);
        actor.pending = null;
        actor.answered++;
    }
}

const asSession = (secret, csrfToken = 'c') => roster.as({ session: { passbolt_session: secret, csrfToken } });
const isLoggedIn = async (secret) => (await asSession(secret).get('/auth/is-authenticated.json')).status;

/* --- who logs in and out with GPGAuth --- */

class Visitor {
    answered = 0;
    alive = [];
    ended = [];
    spent = []; // texts of stage 1 that were used
    prepared = [];

    async prepare() {
        const client = new PassboltClient(roster, ada);
        this.prepared = []; // what is left would be too old some day
        for (let i = 0; i < LOG_INS; i++) this.prepared.push((await firstStage(client, serverKey)).token);
    }

    next() {
        if (this.alive.length > 4) return this.#logOut(this.alive.shift());
        return this.prepared.length ? this.#logIn(this.prepared.pop()) : null;
    }

    #logIn(token) {
        const client = new PassboltClient(roster, ada);
        const succeed = (answer) => {
            assertSuccess(answer, { message: 'You are successfully logged in.' });
            this.alive.push(client.session);
            this.spent.push(token);
        };
        return { send: () => secondStage(client, token), succeed };
    }

    #logOut(secret) {
        const succeed = (answer) => {
            assertSuccess(answer, { message: 'You are successfully logged out.' });
            this.ended.push(secret);
        };
        return { send: () => asSession(secret).post('/auth/logout.json', {}), succeed };
    }

    async verify() {
        for (const secret of this.alive) assert.equal(await isLoggedIn(secret), 200, 'a session is lost');
        for (const secret of this.ended.slice(-5)) assert.equal(await isLoggedIn(secret), 401, 'a session is back');
        for (const token of this.spent.slice(-3))
            assertError(await secondStage(new PassboltClient(roster, ada), token), 400, 'The user token result is not valid.');
    }
}

/* --- who logs in with challenges and refreshes --- */

const logInWith = (challenge) => new PassboltClient(roster).post('/auth/jwt/login.json', { user_id: ada.id, challenge });

class Bearer {
    answered = 0;
    prepared = []; // challenges
    unread = []; // answers: GnuPG would take too long under load
    spentChallenges = [];
    alive = []; // refresh tokens
    spent = [];

    async prepare() {
        const client = new PassboltClient(roster, ada);
        this.prepared = [];
        for (let i = 0; i < LOG_INS; i++) this.prepared.push((await makeChallenge(client, serverKey, { domain: URL })).message);
    }

    next() {
        const refreshes = this.alive.length && (!this.prepared.length || random.chance(0.8));
        if (refreshes) return this.#refresh(this.alive.shift());
        return this.prepared.length ? this.#logIn(this.prepared.pop()) : null;
    }

    #logIn(challenge) {
        const succeed = (answer) => {
            this.unread.push(assertSuccess(answer, { message: 'The authentication was a success.' }).challenge);
            this.spentChallenges.push(challenge);
        };
        return { send: () => logInWith(challenge), succeed };
    }

    #refresh(token) {
        const client = new PassboltClient(roster);
        const succeed = (answer) => {
            assert.equal(assertSuccess(answer).access_token.split('.').length, 3);
            this.alive.push(client.jar.value('refresh_token'));
            this.spent.push(token);
        };
        return { send: () => client.post('/auth/jwt/refresh.json', { user_id: ada.id, refresh_token: token }), succeed };
    }

    async verify() {
        for (const token of this.spent.slice(-5)) {
            const { status } = await this.#refresh(token).send();
            assert.equal(status, 401, 'a refresh token is back');
        }
        for (const challenge of this.spentChallenges.slice(-2))
            assertError(await logInWith(challenge), 400, 'The credentials are invalid.');
        for (const answer of this.unread.splice(0)) {
            const { text } = await ada.keyring.decrypt(answer);
            this.alive.push(JSON.parse(text).refresh_token);
        }
        for (const token of this.alive.splice(0).slice(-5)) {
            const refresh = this.#refresh(token);
            await refresh.succeed(await refresh.send()); // it lives: another takes its place
        }
    }
}

/* --- who changes groups --- */

/* What is known of the groups that only this one changes: name -> { id, members: { number: is_admin } }. A write is a pure
 * function from one such state to the next, so that "before it" and "after it" can both be compared with what is found. */
class Keeper {
    answered = 0;
    counter = 0;
    state = {};
    memberships = new Map(); // group's id and user's number -> id

    constructor(number) {
        this.prefix = `keeper ${number} group `;
    }

    prepare() {
        this.client = asSession(session);
    }

    next() {
        const names = Object.keys(this.state);
        if (names.length < 2) return this.#create();
        const name = random.pick(names);
        if (names.length > 4) return this.#delete(name);
        return random.chance(0.2) ? this.#create() : this.#change(name);
    }

    #write(send, apply) {
        const succeed = (answer) => {
            const body = assertSuccess(answer);
            this.#learn(body ? [body] : []);
            this.state = apply(this.state, body?.id);
        };
        return { send, apply, succeed };
    }

    #create() {
        const name = `${this.prefix}${++this.counter}`;
        const members = { 1: true, ...Object.fromEntries(random.picks(USERS, 2).map((n) => [n, random.chance(0.5)])) };
        const groups_users = Object.entries(members).map(([n, is_admin]) => ({ user_id: userId(n), is_admin }));
        this.created = name;
        return this.#write(
            () => this.client.post('/groups.json', { name, groups_users }),
            (state, id) => ({ ...state, [name]: { id, members } }),
        );
    }

    /* A new name, and at once: everybody of USERS who is not in it is added, one who is becomes or ceases to be a manager,
     * another is removed. Ada stays. */
    #change(name) {
        const { id, members } = this.state[name];
        const renamed = `${this.prefix}${++this.counter}`;
        const [one, other] = USERS.filter((n) => n in members);
        const changed = { ...members };
        const groups_users = USERS.filter((n) => !(n in members)).map((n) => ({ user_id: userId(n), is_admin: true }));
        for (const { user_id } of groups_users) changed[USERS.find((n) => userId(n) === user_id)] = true;
        const membership = (n) => this.memberships.get(`${id} ${n}`);
        if (one) groups_users.push({ id: membership(one), is_admin: (changed[one] = !members[one]) });
        if (other) {
            groups_users.push({ id: membership(other), delete: true });
            delete changed[other];
        }
        return this.#write(
            () => this.client.put(`/groups/${id}.json`, { name: renamed, groups_users }),
            ({ [name]: old, ...rest }) => ({ ...rest, [renamed]: { id: old.id, members: changed } }),
        );
    }

    #delete(name) {
        const { id } = this.state[name];
        return this.#write(
            () => this.client.delete(`/groups/${id}.json`),
            ({ [name]: gone, ...rest }) => rest,
        );
    }

    #learn(groups) {
        for (const { id, groups_users } of groups)
            for (const one of groups_users) this.memberships.set(`${id} ${numberOf(one)}`, one.id);
    }

    async verify() {
        const answer = await asSession(session).get('/groups.json?contain[groups_users]=1');
        const groups = assertSuccess(answer).filter(({ name }) => name.startsWith(this.prefix));
        const found = Object.fromEntries(
            groups.map(({ name, id, groups_users }) => [
                name,
                { id, members: Object.fromEntries(groups_users.map((one) => [numberOf(one), one.is_admin])) },
            ]),
        );
        const possible = [this.state];
        if (this.pending) possible.push(this.pending.apply(this.state, found[this.created]?.id));
        if (!possible.some((state) => isDeepStrictEqual(found, state)))
            assert.deepEqual(found, possible[0], `${this.prefix}: neither before nor after the write that was cut off`);
        this.#learn(groups);
        this.state = found;
    }
}

const numberOf = ({ user_id }) => [1, ...USERS].find((n) => userId(n) === user_id);

/* --- again and again --- */

describe(`${ROUNDS} rounds of kill -9 while Passbolt's clients work, seed ${SEED}`, () => {
    const actors = { visitor: new Visitor(), bearer: new Bearer(), one: new Keeper(1), other: new Keeper(2) };
    const all = Object.values(actors);

    before(async () => {
        await roster.import(passboltWorld({ ada }));
        await roster.serve(SETTINGS);
        serverKey = await learnServerKey(new PassboltClient(roster, ada));
        session = (await logIn(roster, ada)).session;
    });
    after(() => roster.stop());

    it('lose nothing that was answered, and nothing that was used comes back', async (t) => {
        let cutOff = 0;
        for (let round = 1; round <= ROUNDS; round++) {
            for (const actor of all) await actor.prepare();
            const before = all.map(({ answered }) => answered);
            const running = all.map((actor) => callUntilGone(actor));
            const each = () => all.forEach(({ answered, pending }, i) => assert.ok(answered > before[i] || !pending));
            if (round % 2) await eventually(each, 60_000); // else at any moment
            await sleep(5 + random.below(80));
            await roster.killAndSettle();
            await Promise.all(running);
            cutOff += all.filter(({ pending }) => pending).length;
            await roster.serve(SETTINGS);
            try {
                assert.equal(await isLoggedIn(session), 200, 'the session is lost');
                for (const actor of all) await actor.verify();
                await roster.check();
            } catch (error) {
                throw new Error(`round ${round}: ${error.message}`, { cause: error });
            }
        }
        const told = Object.entries(actors).map(([name, { answered }]) => `${name} ${answered}`);
        t.diagnostic(`answered: ${told.join(', ')}; cut off by the kill: ${cutOff}`);
        assert.ok(all.every(({ answered }) => answered) && cutOff, 'the load was too low to mean anything');
    });
});
