// Logging in to Passbolt's API with a challenge, for tokens (JWT): docs/passbolt.md 2.9.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
    ACTION,
    assertError,
    assertSuccess,
    groupId,
    jwtLogIn,
    learnServerKey,
    logIn,
    makeChallenge,
    makePeople,
    PassboltClient,
    passboltWorld,
    servePassbolt,
    userId,
    UUID,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const people = await makePeople(['ada', 'max', 'mia', 'ines']);
const { ada, max, mia, ines } = people;
const roster = new Roster();
let serverKey;

before(async () => {
    await servePassbolt(passboltWorld(people), 5, [], roster);
    for (const person of Object.values(people)) serverKey = await learnServerKey(new PassboltClient(roster, person));
});
after(() => roster.stop());

const INVALID = 'The credentials are invalid.';
const MISSING = 'The authentication failed. The credentials are missing.';
const NO_USER = 'The user does not exist or is not active or has been deleted.';
const NO_REFRESH = 'No active refresh token matching the request could be found.';
const NOT_LOGGED_IN = 'Authentication is required to continue';

const now = () => Math.floor(Date.now() / 1000);
const client = () => new PassboltClient(roster);
const send = (body) => client().post('/auth/jwt/login.json', body);
async function challengeOf(person, change) {
    return (await makeChallenge(new PassboltClient(roster, person), serverKey, change)).message;
}

/* Mia's log-in with a message that says something. */
const sendText = async (text, { to = serverKey, signer = mia.fingerprint, keyring = mia.keyring, user = mia } = {}) =>
    send({ user_id: user.id, challenge: await keyring.encrypt(text, { to, signer }) });

const refused = (answer, code, message) => assert.equal(assertError(answer, code, message, { action: ACTION.jwtLogin }), '');

describe('a challenge is refused', () => {
    const CHANGES = {
        'that is of another version': { version: '2.0.0' },
        'that has no version': { version: undefined },
        'that is for another server': { domain: 'https://elsewhere.example' },
        'that is for nobody': { domain: undefined },
        'that has no token': { verify_token: undefined },
        'whose token is no UUID': { verify_token: 'nonsense' },
        'whose token is a number': { verify_token: 1 },
        'that has expired': { verify_token_expiry: now() - 10 },
        'that lives for more than an hour': { verify_token_expiry: now() + 2 * 3600 },
        'that never expires': { verify_token_expiry: undefined },
        'whose expiry is a text': { verify_token_expiry: `${now() + 100}` },
        'whose expiry is a fraction': { verify_token_expiry: now() + 100.5 },
        'whose expiry is beyond all numbers': { verify_token_expiry: 1e300 },
    };
    for (const [what, change] of Object.entries(CHANGES))
        it(what, async () => refused(await send({ user_id: mia.id, challenge: await challengeOf(mia, change) }), 400, INVALID));

    for (const text of ['', 'nonsense', '[]', 'null', '"1.0.0"', '{"version":"1.0.0"'])
        it(`that says ${JSON.stringify(text)}`, async () => refused(await sendText(text), 400, INVALID));

    const good = (change) =>
        JSON.stringify({
            version: '1.0.0',
            domain: roster.url,
            verify_token: crypto.randomUUID(),
            verify_token_expiry: now() + 100,
            ...change,
        });
    it('that is signed by nobody', async () => refused(await sendText(good(), { signer: null }), 400, INVALID));
    it('that is signed by somebody else', async () =>
        refused(await sendText(good(), { keyring: max.keyring, signer: max.fingerprint }), 400, INVALID));
    it('that is to somebody else', async () => refused(await sendText(good(), { to: mia.fingerprint }), 400, INVALID));
    for (const challenge of ['garbage', '-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n', 'x'.repeat(100_000)])
        it(`that is ${challenge.slice(0, 20)}`, async () => refused(await send({ user_id: mia.id, challenge }), 400, INVALID));
    it('that is over 128 KiB', async () =>
        refused(await send({ user_id: mia.id, challenge: 'x'.repeat(200_000) }), 413, undefined));
    it('that came before, in whatever letters', async () => {
        const verify_token = crypto.randomUUID();
        assertSuccess(await sendText(good({ verify_token })));
        refused(await sendText(good({ verify_token })), 400, INVALID);
        refused(await sendText(good({ verify_token: verify_token.toUpperCase() })), 400, INVALID);
        assertSuccess(await sendText(good({ verify_token }), { keyring: max.keyring, signer: max.fingerprint, user: max }));
    });
    it('that comes eight times at once: but for one', async () => {
        const challenge = await challengeOf(mia);
        const answers = await Promise.all(Array.from({ length: 8 }, () => send({ user_id: mia.id, challenge })));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(400)]);
    });

    const challenge = 'whatever';
    for (const [what, body] of [
        ['without anything', {}],
        ['without a body', undefined],
        ['without a challenge', { user_id: mia.id }],
        ['without a user', { challenge }],
        ['with a number for a user', { user_id: 3, challenge }],
    ])
        it(what, async () => refused(await send(body), 400, MISSING));
    it('of what is no UUID', async () => refused(await send({ user_id: 'nonsense', challenge }), 400, INVALID));
    for (const [who, user_id] of [
        ['nobody', crypto.randomUUID()],
        ['one who is not active', ines.id],
        ['one without a key', userId(4)],
    ])
        it(`of ${who}`, async () => refused(await send({ user_id, challenge }), 404, NO_USER));
});

describe('a challenge is taken', () => {
    it('with the token in capitals, which comes back as it was, and the user id in capitals', async () => {
        const verify_token = crypto.randomUUID().toUpperCase();
        const message = await challengeOf(mia, { verify_token });
        const body = assertSuccess(await send({ user_id: mia.id.toUpperCase(), challenge: message }));
        const { text } = await mia.keyring.decrypt(body.challenge);
        assert.equal(JSON.parse(text).verify_token, verify_token);
    });
});

// --- access tokens ---

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));

describe('an access token', () => {
    let mine, parts, publicKey;
    before(async () => {
        mine = await jwtLogIn(roster, mia);
        parts = mine.accessToken.split('.');
        publicKey = assertSuccess(await client().get('/auth/jwt/rsa.json')).keydata;
    });
    const ask = (token, scheme = 'Bearer') =>
        client().get('/users/me.json', { headers: { Authorization: `${scheme} ${token}` } });

    it('is signed with the key that is told, and lives five minutes', async () => {
        const [header, payload, signature] = parts;
        assert.equal(decode(header).alg, 'RS256');
        const { iss, sub, exp } = decode(payload);
        assert.deepEqual([iss, sub], [roster.url, mia.id]);
        assert.ok(exp > now() + 200 && exp <= now() + 300, `${exp - now()} s`);
        const signed = Buffer.from(`${header}.${payload}`);
        assert.ok(crypto.verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url')));
    });
    it('has the same key in the set, which has no envelope', async () => {
        const answer = await client().get('/auth/jwt/jwks.json');
        const { keys } = JSON.parse(answer.text);
        assert.deepEqual(Object.keys(keys[0]), ['kty', 'alg', 'use', 'e', 'n']);
        assert.equal(keys.length, 1);
        const fromSet = crypto.createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
        assert.equal(fromSet, publicKey);
    });
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
        it(`is taken as ${scheme}, without cookies, CSRF token and headers of GPGAuth`, async () => {
            const answer = await ask(mine.accessToken, scheme);
            assert.equal(assertSuccess(answer).id, mia.id);
            assert.equal(answer.header('Set-Cookie'), undefined);
            assert.equal(answer.header('X-GPGAuth-Version'), undefined);
        });
    it('changes what its user may change', async () => {
        const manager = await jwtLogIn(roster, max);
        assertSuccess(await manager.put(`/groups/${groupId(1)}/dry-run.json`, {}));
        assertError(await mine.put(`/groups/${groupId(1)}/dry-run.json`, {}), 403);
    });
    const FORGED = {
        'without a signature': () => `${parts[0]}.${parts[1]}.`,
        "with another token's signature": async () => {
            const other = (await jwtLogIn(roster, ada)).accessToken.split('.');
            return `${parts[0]}.${parts[1]}.${other[2]}`;
        },
        'for another user': () => `${parts[0]}.${encode({ ...decode(parts[1]), sub: ada.id, user: 1 })}.${parts[2]}`,
        'for longer': () => `${parts[0]}.${encode({ ...decode(parts[1]), exp: now() + 9999 })}.${parts[2]}`,
        'of the algorithm none': () => `${encode({ ...decode(parts[0]), alg: 'none' })}.${parts[1]}.`,
        'signed with the public key as a secret': () => {
            const signed = `${encode({ ...decode(parts[0]), alg: 'HS256' })}.${parts[1]}`;
            return `${signed}.${crypto.createHmac('sha256', publicKey).update(signed).digest('base64url')}`;
        },
        'signed with a key of its own': () => {
            const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
            const signed = `${parts[0]}.${parts[1]}`;
            return `${signed}.${crypto.sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
        },
        'of nothing': () => '..',
        'that is nonsense': () => 'a.b.c',
        'that is long': () => `${parts[0]}.${'A'.repeat(6000)}.${parts[2]}`,
    };
    for (const [what, make] of Object.entries(FORGED))
        it(`${what} is none`, async () => assertError(await ask(await make()), 401, NOT_LOGGED_IN));
    for (const path of ['/auth/logout.json', '/auth/login.json', '/auth/logout'])
        it(`is not for ${path}`, async () => {
            const message = `The route ${path.replace('.json', '')} is not permitted with JWT authentication.`;
            assertError(await mine.post(path, {}), 400, message);
        });
});

// --- refresh tokens ---

describe('a refresh token', () => {
    const refresh = (body, headers) => client().post('/auth/jwt/refresh.json', body, { headers });
    const refusedRefresh = (answer) => assertError(answer, 401, NO_REFRESH, { action: ACTION.jwtRefresh });

    it('is spent for an access token, and for another refresh token in a cookie', async () => {
        const { refreshToken } = await jwtLogIn(roster, mia);
        const first = await refresh({ user_id: mia.id, refresh_token: refreshToken });
        const { access_token, ...rest } = assertSuccess(first, { action: ACTION.jwtRefresh });
        assert.deepEqual(rest, {});
        const [value, ...attributes] = first.header('Set-Cookie').split('; ');
        assert.match(value, /^refresh_token=[0-9a-f-]{36}$/);
        for (const expected of ['Secure', 'HttpOnly'])
            assert.ok(attributes.some((name) => name.toLowerCase() === expected.toLowerCase()), expected);
        const next = new PassboltClient(roster);
        next.accessToken = access_token;
        assert.equal(assertSuccess(await next.get('/users/me.json')).id, mia.id);

        refusedRefresh(await refresh({ user_id: mia.id, refresh_token: refreshToken }));
        const second = await refresh({ user_id: mia.id.toUpperCase() }, { Cookie: `${value}; a=b` });
        assertSuccess(second);
        refusedRefresh(await refresh({ user_id: mia.id }, { Cookie: value }));
    });
    it('is worth nothing for another user, and not spent by that', async () => {
        const { refreshToken } = await jwtLogIn(roster, mia);
        refusedRefresh(await refresh({ user_id: max.id, refresh_token: refreshToken }));
        assertSuccess(await refresh({ user_id: mia.id, refresh_token: refreshToken }));
    });
    for (const [what, body] of [
        ['that nobody has', { user_id: mia.id, refresh_token: crypto.randomUUID() }],
        ['that is no UUID', { user_id: mia.id, refresh_token: 'nonsense' }],
        ['that is not there', { user_id: mia.id }],
        ['without a user', { refresh_token: crypto.randomUUID() }],
    ])
        it(`${what} is refused`, async () => refusedRefresh(await refresh(body)));

    it('ends with the log-out that names it; without a name all of the user end', async () => {
        const [one, two, three] = [await jwtLogIn(roster, mia), await jwtLogIn(roster, mia), await jwtLogIn(roster, mia)];
        const other = await jwtLogIn(roster, max);
        const about = { action: ACTION.jwtLogout };
        assert.equal(assertSuccess(await one.post('/auth/jwt/logout.json', { refresh_token: one.refreshToken }), about), null);
        refusedRefresh(await refresh({ user_id: mia.id, refresh_token: one.refreshToken }));
        // Another user's is not the caller's to end.
        assertSuccess(await two.post('/auth/jwt/logout.json', { refresh_token: other.refreshToken }));
        assertSuccess(await refresh({ user_id: mia.id, refresh_token: two.refreshToken }));
        assertSuccess(await two.post('/auth/jwt/logout.json'), about);
        refusedRefresh(await refresh({ user_id: mia.id, refresh_token: three.refreshToken }));
        assertSuccess(await refresh({ user_id: max.id, refresh_token: other.refreshToken }));
    });
    it('is not ended by nobody', async () => {
        assertError(await client().post('/auth/jwt/logout.json', {}), 401, NOT_LOGGED_IN, { action: ACTION.jwtLogout });
    });
    it('that ended or was spent stays so after kill -9, a living one lives; who is not active any more has none', async () => {
        const server = await servePassbolt(passboltWorld({ mia }), 5);
        const programs = [];
        for (let i = 0; i < 4; i++) programs.push(await jwtLogIn(server, mia));
        const ask = ({ refreshToken }) =>
            new PassboltClient(server).post('/auth/jwt/refresh.json', { user_id: mia.id, refresh_token: refreshToken });
        assertSuccess(await ask(programs[0]));
        assertSuccess(await programs[1].post('/auth/jwt/logout.json', { refresh_token: programs[1].refreshToken }));
        await server.kill();
        await servePassbolt(null, 5, [], server);
        refusedRefresh(await ask(programs[0]));
        refusedRefresh(await ask(programs[1]));
        const again = new PassboltClient(server);
        again.accessToken = assertSuccess(await ask(programs[2])).access_token;
        assertSuccess(await again.get('/groups.json'));

        await server.import([{ type: 'user', organizationId: 1, id: 3, active: false }]);
        await eventually(async () => assertError(await again.get('/groups.json'), 401, NOT_LOGGED_IN), 5000);
        refusedRefresh(await ask(programs[3]));
        await server.stop();
    });
    it('is what a session may end, too', async () => {
        const [session, program] = [await logIn(roster, mia), await jwtLogIn(roster, mia)];
        assert.match(program.refreshToken, UUID);
        assertSuccess(await session.post('/auth/jwt/logout.json', {}));
        refusedRefresh(await refresh({ user_id: mia.id, refresh_token: program.refreshToken }));
    });
});
