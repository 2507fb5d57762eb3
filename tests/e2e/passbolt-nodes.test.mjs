// Several servers on one database: who logged in through one is logged in at the others, and who logged out is out at all of
// them. Each test has two, A and B, which start at once.
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import {
    assertError,
    assertSuccess,
    firstStage,
    jwtLogIn,
    learnServerKey,
    logIn,
    makePeople,
    PassboltClient,
    passboltWorld,
    secondStage,
} from './support/passbolt.mjs';
import { Random, SEED } from './support/random.mjs';
import { Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const NOT_LOGGED_IN = 'Authentication is required to continue';
const NO_REFRESH_TOKEN = 'No active refresh token matching the request could be found.';
const SESSIONS_MAX = 100;

/* How long another node may take to hear of an end: follow_interval_ms is 50, the rest is for a busy machine. */
const BOUND_MS = 5000;

const NO_LIMIT = ['--passbolt.attempts_per_key', '0', '--passbolt.attempts_per_address', '0'];

let people, a, b;
before(async () => (people = await makePeople(['ada', 'max', 'mia'])));
beforeEach(async () => {
    a = new Roster();
    b = new Roster();
    b.store = a.store;
    await a.import(passboltWorld(people));
    await Promise.all([a.serve(NO_LIMIT), b.serve(NO_LIMIT)]);
});
afterEach(() => Promise.all([a.stop(), b.stop()]));

/* The same browser or program, asking another node: its cookies and tokens are those of `client`. */
function at(node, client) {
    const same = new PassboltClient(node, client.person);
    return Object.assign(same, { jar: client.jar, accessToken: client.accessToken, refreshToken: client.refreshToken });
}

const isLoggedIn = async (client) => assertSuccess(await client.get('/auth/is-authenticated.json'));
const isLoggedOut = async (client) => assertError(await client.get('/auth/is-authenticated.json'), 401, NOT_LOGGED_IN);
const logOut = async (client) => assertSuccess(await client.post('/auth/logout.json'));

/* Takes the cookie back that the log-out took away: it is the server that must refuse it. */
async function logOutAndKeepCookie(client) {
    const cookies = new Map(client.jar.cookies);
    await logOut(client);
    client.jar.cookies = cookies;
}

const refresh = (node, client) =>
    new PassboltClient(node).post('/auth/jwt/refresh.json', { user_id: client.person.id, refresh_token: client.refreshToken });

const tokenOf = (answer) => /refresh_token=([^;]+)/.exec(answer.header('Set-Cookie'))[1];

describe('the keys', () => {
    it('are the same, although both made some at the first start', async () => {
        const keys = [];
        for (const node of [a, b]) {
            const client = new PassboltClient(node, people.ada);
            keys.push([await learnServerKey(client), assertSuccess(await client.get('/auth/jwt/rsa.json')).keydata]);
        }
        assert.deepEqual(keys[0], keys[1]);
    });
});

describe('a session', () => {
    it('that began at A is good at B at once', async () => {
        for (const person of Object.values(people)) {
            const client = await logIn(a, person);
            assert.equal(assertSuccess(await at(b, client).get('/users/me.json')).id, person.id);
        }
    });

    it('begins at B with the token that A gave, once', async () => {
        const client = new PassboltClient(a, people.ada);
        const { token } = await firstStage(client, await learnServerKey(new PassboltClient(a, people.ada)));
        const elsewhere = at(b, client);
        assertSuccess(await secondStage(elsewhere, token));
        await isLoggedIn(elsewhere);
        assertError(await secondStage(new PassboltClient(a, people.ada), token), 400);
        assertError(await secondStage(new PassboltClient(b, people.ada), token), 400);
    });

    it('changes groups at both', async () => {
        const ada = await logIn(a, people.ada);
        for (const [i, node] of [a, b, a, b].entries()) {
            const group = { name: `Group ${i}`, groups_users: [{ user_id: people.ada.id, is_admin: true }] };
            assertSuccess(await at(node, ada).post('/groups.json', group));
        }
    });

    it('that ended at B ends at A soon, and others stay', async () => {
        const [ada, other, max] = [await logIn(a, people.ada), await logIn(b, people.ada), await logIn(a, people.max)];
        for (const client of [ada, other, max]) for (const node of [a, b]) await isLoggedIn(at(node, client));
        const leaving = at(b, ada);
        await logOutAndKeepCookie(leaving);
        await isLoggedOut(leaving);
        await eventually(() => isLoggedOut(at(a, leaving)), BOUND_MS);
        for (const client of [other, max]) for (const node of [a, b]) await isLoggedIn(at(node, client));
    });

    it('that ended before the other node heard of it is good nowhere', async () => {
        const ada = await logIn(a, people.ada);
        await logOutAndKeepCookie(ada);
        await isLoggedOut(ada);
        await isLoggedOut(at(b, ada));
    });

    it('of who is deleted ends at both', async () => {
        const max = await logIn(a, people.max);
        await isLoggedIn(at(b, max));
        await a.import([{ type: 'user', organizationId: 1, id: people.max.n, delete: true }]);
        for (const node of [a, b]) await eventually(() => isLoggedOut(at(node, max)), BOUND_MS);
    });

    it('that is the oldest of too many ends at both', async () => {
        const first = await logIn(a, people.ada);
        for (const node of [a, b]) await isLoggedIn(at(node, first));
        const others = [];
        while (others.length < SESSIONS_MAX) {
            const logIns = [a, b, a, b].map((node) => logIn(node, people.ada));
            others.push(...(await Promise.all(logIns)));
        }
        for (const node of [a, b]) await eventually(() => isLoggedOut(at(node, first)), BOUND_MS);
        for (const client of others) for (const node of [a, b]) await isLoggedIn(at(node, client));
    });
});

describe('tokens', () => {
    it('of A are good at B: to ask with, and to refresh once', async () => {
        const ada = await jwtLogIn(a, people.ada);
        await isLoggedIn(at(b, ada));
        const answer = await refresh(b, ada);
        const anew = at(a, ada);
        anew.accessToken = assertSuccess(answer).access_token;
        anew.refreshToken = tokenOf(answer);
        for (const node of [a, b]) {
            assertError(await refresh(node, ada), 401, NO_REFRESH_TOKEN);
            await isLoggedIn(at(node, anew));
        }
        assertSuccess(await refresh(a, anew));
    });

    it('are refreshed once, whoever asks at the same time', async () => {
        const ada = await jwtLogIn(a, people.ada);
        const answers = await Promise.all([a, b, a, b, a, b].map((node) => refresh(node, ada)));
        const good = answers.filter(({ status }) => status === 200);
        assert.equal(good.length, 1);
        for (const answer of answers) if (answer !== good[0]) assertError(answer, 401, NO_REFRESH_TOKEN);
    });

    it('that are taken back at B are not refreshed at A', async () => {
        const ada = await jwtLogIn(a, people.ada);
        assertSuccess(await at(b, ada).post('/auth/jwt/logout.json', {}));
        assertError(await refresh(a, ada), 401, NO_REFRESH_TOKEN);
    });
});

describe('kill -9 of A', () => {
    it('takes nothing from who logged in there, and brings nothing back', async () => {
        const [ada, max, gone] = [await logIn(a, people.ada), await logIn(a, people.max), await logIn(a, people.mia)];
        const tokens = await jwtLogIn(a, people.ada);
        await isLoggedIn(at(b, ada));
        await isLoggedIn(at(b, gone));
        await logOutAndKeepCookie(gone);
        await a.kill();
        await isLoggedIn(at(b, ada));
        await isLoggedIn(at(b, max)); // B hears of it now
        await eventually(() => isLoggedOut(at(b, gone)), BOUND_MS);
        assertSuccess(await refresh(b, tokens));
        const leaving = at(b, max);
        await logOutAndKeepCookie(leaving);
        await a.serve(NO_LIMIT);
        await isLoggedIn(at(a, ada));
        for (const client of [gone, leaving]) await isLoggedOut(at(a, client));
        assertError(await refresh(a, tokens), 401, NO_REFRESH_TOKEN);
    });
});

// A session as it should be: alive at both nodes from its beginning; ended at once at the node that ended it, and within BOUND_MS
// at the other; once a node has refused it, that node refuses it for ever.
describe(`random log-ins and log-outs at random nodes (ROSTER_SEED=${SEED})`, () => {
    const STEPS = 200;
    const random = new Random(SEED);
    const living = [],
        ended = [];

    const STEP = {
        async begin() {
            const person = random.pick(Object.values(people));
            living.push({ client: await logIn(random.pick([a, b]), person), person });
        },
        async end() {
            if (!living.length) return;
            const [session] = living.splice(random.below(living.length), 1);
            const node = random.pick([a, b]);
            const client = at(node, session.client);
            await logOutAndKeepCookie(client);
            ended.push({ client, at: performance.now(), refusedBy: new Set([node]) });
        },
        async use() {
            const session = random.pick(living);
            if (!session) return;
            const me = assertSuccess(await at(random.pick([a, b]), session.client).get('/users/me.json'));
            assert.equal(me.id, session.person.id);
        },
        async useEnded() {
            const session = random.pick(ended);
            if (!session) return;
            const node = random.pick([a, b]);
            const isLate = performance.now() - session.at > BOUND_MS;
            const { status } = await at(node, session.client).get('/users/me.json');
            if (status === 200 && !isLate && !session.refusedBy.has(node)) return;
            assert.equal(status, 401, 'an ended session is alive');
            session.refusedBy.add(node);
        },
        async crash() {
            const node = random.pick([a, b]);
            await node.kill();
            await node.serve(NO_LIMIT);
            for (const session of ended) session.refusedBy.add(node); // it starts with what the database says
        },
    };
    const NAMES = ['begin', 'begin', 'end', 'use', 'use', 'use', 'useEnded', 'useEnded', 'useEnded'];

    it('agree with a naive model', async () => {
        for (let i = 0; i < STEPS; i++) await STEP[random.chance(0.02) ? 'crash' : random.pick(NAMES)]();
        for (const node of [a, b]) {
            for (const { client } of living) await isLoggedIn(at(node, client));
            for (const { client } of ended) await eventually(() => isLoggedOut(at(node, client)), BOUND_MS);
        }
        await a.check();
    });
});
