// Logging in to Passbolt's API with GPGAuth: what is refused, sessions and their cookies, the CSRF token: docs/passbolt.md 2.2,
// 2.8, 2.9. What works with real clients is in passbolt-clients, -extension and -peculiar.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from './support/certificate.mjs';
import { TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertGpgAuthHeaders,
    assertServerHoldsKey,
    assertSuccess,
    firstStage,
    groupId,
    learnServerKey,
    logIn,
    makePeople,
    newToken,
    PassboltClient,
    passboltWorld,
    secondStage,
    servePassbolt,
    SESSION_COOKIE,
    userId,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const people = await makePeople();
const { ada, max, mia, nils, ines } = people;
const roster = new Roster();
const inTwo = new Roster();
let serverKey;

before(async () => {
    await servePassbolt(passboltWorld(people), 5, [], roster);
    await servePassbolt(passboltWorld(people), 2, [], inTwo);
    for (const person of Object.values(people)) serverKey = await learnServerKey(new PassboltClient(roster, person));
});
after(() => Promise.all([roster.stop(), inTwo.stop()]));

const NO_USER = 'There is no user associated with this key.';
const NO_TOKEN = 'The user token result is not valid.';
const NOT_LOGGED_IN = 'Authentication is required to continue';
const post = (gpg_auth, path = '/auth/login.json') => new PassboltClient(roster).post(path, { gpg_auth });

/* A log-in that was refused: the text is in a header, too, and nothing of a log-in is. */
function assertRefused(answer, message) {
    assert.equal(assertError(answer, 400, message, { action: ACTION.login }), '');
    assert.equal(answer.header('X-GPGAuth-Error'), 'true');
    assert.equal(answer.header('X-GPGAuth-Debug'), message);
    assert.equal(answer.header('X-GPGAuth-Authenticated'), 'false');
    assert.equal(answer.header('X-GPGAuth-Version'), '1.3.0');
    for (const name of ['Verify-Response', 'User-Auth-Token', 'Progress', 'Refer'])
        assert.equal(answer.header(`X-GPGAuth-${name}`), undefined, name);
    assert.equal(answer.header('Set-Cookie'), undefined);
}

describe('stage 0 is refused', () => {
    const verify = (server_verify_token, path = '/auth/verify.json') =>
        post({ keyid: mia.fingerprint, server_verify_token }, path);
    const toServer = (text, more) => mia.keyring.encrypt(text, { to: serverKey, ...more });

    const MESSAGES = {
        'garbage': () => 'garbage',
        'an empty armor': () => '-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n',
        'garbage in armor': () => {
            const bytes = crypto.createHash('sha512').update('garbage').digest('base64');
            return `-----BEGIN PGP MESSAGE-----\n\n${bytes}\n-----END PGP MESSAGE-----\n`;
        },
        'a public key': () => mia.publicKey,
        'a message to somebody else': () => mia.keyring.encrypt(newToken(), { to: mia.fingerprint }),
        'a message that is cut off': async () => (await toServer(newToken())).slice(0, 300),
        'a message with a letter changed': async () => {
            const message = await toServer(newToken());
            const at = message.indexOf('\n\n') + 60;
            return message.slice(0, at) + (message[at] === 'A' ? 'B' : 'A') + message.slice(at + 1);
        },
        'another text': () => toServer('hello'),
        'an empty text': () => toServer(''),
        'a token with something behind it': () => toServer(`${newToken()}\n`),
        'a token of another version': () => toServer(newToken().replaceAll('1.3.0', '1.2.0')),
        'a token without a UUID': () => toServer('gpgauthv1.3.0|36|not-a-uuid-but-as-many-characters-ok|gpgauthv1.3.0'),
        'a text that is 20 MB when it is unpacked': () => toServer('a'.repeat(20_000_000), { compression: 'zlib' }),
    };
    for (const [what, make] of Object.entries(MESSAGES))
        it(`for ${what}`, async () => assertRefused(await verify(await make()), 'Decryption failed.'));

    it('for 100 KB of anything; more than 128 KiB is not read', async () => {
        assertRefused(await verify('x'.repeat(100_000)), 'Decryption failed.');
        assertError(await verify('x'.repeat(200_000)), 413, undefined, { action: ACTION.login });
    });
    it('and the server goes on', () => assertServerHoldsKey(new PassboltClient(roster, mia), serverKey));
});

describe('stage 1 is refused', () => {
    const KEYS = [
        ['without a body', undefined, `${NO_USER} No key id set.`],
        ['without a key', {}, `${NO_USER} No key id set.`],
        ['with an empty key', { keyid: '' }, `${NO_USER} No key id set.`],
        ['with text for a key', { keyid: 'nonsense' }, `${NO_USER} Invalid fingerprint.`],
        ['with a short fingerprint', { keyid: mia.fingerprint.slice(1) }, `${NO_USER} Invalid fingerprint.`],
        ['with a key id', { keyid: mia.fingerprint.slice(-16) }, `${NO_USER} Invalid fingerprint.`],
        ["with nobody's fingerprint", { keyid: '0'.repeat(40) }, `${NO_USER} User not found.`],
        ["with the server's own", { keyid: () => serverKey }, `${NO_USER} User not found.`],
        ['of a user who is not active', { keyid: ines.fingerprint }, `${NO_USER} User not found.`],
    ];
    for (const [what, { keyid, ...rest } = {}, message] of KEYS)
        it(what, async () => {
            assertRefused(await post({ keyid: typeof keyid === 'function' ? keyid() : keyid, ...rest }), message);
        });
    for (const body of ['{', 'null', '[', '\u0000'])
        it(`with the body ${JSON.stringify(body)}`, async () => {
            const answer = await new PassboltClient(roster).request('POST', '/auth/login.json', { body });
            assertError(answer, 400, 'Bad Request', { action: ACTION.login });
        });
    for (const path of ['/auth/login.json', '/auth/login'])
        for (const token of [TOKEN.mia, 'a.b.c'])
            it(`with ${path} and the token ${token}`, async () => {
                const client = new PassboltClient(roster);
                client.accessToken = token;
                const answer = await client.post(path, { gpg_auth: { keyid: mia.fingerprint } });
                assertError(answer, 400, 'The route /auth/login is not permitted with JWT authentication.');
            });
    it('as GET', async () => assertError(await new PassboltClient(roster).get('/auth/login.json'), 404, 'Not Found'));
});

describe('stage 2 is refused', () => {
    const tokenOf = async (person) => (await firstStage(new PassboltClient(roster, person), serverKey)).token;
    const TOKENS = {
        'a random token': () => newToken(),
        'something else': () => 'nonsense',
        'nothing': () => '',
        "another user's token": () => tokenOf(max),
        'a token with something behind it': async () => `${await tokenOf(mia)} `,
        'a token with a digit changed': async () => {
            const token = await tokenOf(mia);
            const at = token.lastIndexOf('|') - 1;
            return token.slice(0, at) + (token[at] === '0' ? '1' : '0') + token.slice(at + 1);
        },
        '100 KB of anything': () => 'x'.repeat(100_000),
    };
    for (const [what, make] of Object.entries(TOKENS))
        it(`with ${what}`, async () => {
            const user_token_result = await make();
            assertRefused(await post({ keyid: mia.fingerprint, user_token_result }), NO_TOKEN);
        });
    it('with a token that was used', async () => {
        const token = await tokenOf(mia);
        assertSuccess(await secondStage(new PassboltClient(roster, mia), token));
        assertRefused(await secondStage(new PassboltClient(roster, mia), token), NO_TOKEN);
    });
});

describe('a log-in that is a form', () => {
    const FORM = 'application/x-www-form-urlencoded';
    const why = 'the description has bodies of JSON only';
    const send = (path, body, type = FORM) => {
        const headers = { 'Content-Type': type };
        return new PassboltClient(roster).request('POST', path, { body, headers, undescribed: why });
    };

    for (const type of [FORM, `${FORM}; charset=UTF-8`])
        it(`is read, however long: ${type}`, async () => {
            const token = newToken();
            const message = await mia.keyring.encrypt(token, { to: serverKey });
            const fields = { keyid: mia.fingerprint, server_verify_token: `${message}${'\n'.repeat(10_000)}` };
            const named = Object.entries(fields).map(([name, value]) => [`data[gpg_auth][${name}]`, value]);
            const answer = await send('/auth/verify.json', new URLSearchParams(named).toString(), type);
            assert.equal(answer.header('X-GPGAuth-Verify-Response'), token);
        });

    const MALFORMED = {
        'a zero character': ['a=%00'],
        'bytes that are no UTF-8': ['a=%ff'],
        'names that are no UTF-8': ['%ff=a'],
        'half an escape': ['a=%4'],
        'too many fields': ['a=1&'.repeat(500)],
        'a name of 5000 letters': [`${'a'.repeat(5000)}=1`],
        'no boundary': ['a', 'multipart/form-data'],
    };
    for (const [what, [body, type]] of Object.entries(MALFORMED))
        it(`with ${what} is refused`, async () => {
            const answer = await send('/auth/login.json', body, type);
            assertError(answer, 400, 'Bad Request', { action: ACTION.login });
        });
    it('with a field that is a text and then an array has the array', async () => {
        const fields = [
            ['gpg_auth', '1'],
            ['gpg_auth[keyid]', 'nonsense'],
        ];
        assertRefused(await send('/auth/login.json', new URLSearchParams(fields).toString()), `${NO_USER} Invalid fingerprint.`);
    });
});

// --- sessions ---

describe('a session', () => {
    for (const [profile, server] of [
        [5, roster],
        [2, inTwo],
    ])
        it(`has a cookie of its own in profile ${profile}, and the CSRF token another`, async () => {
            const client = await logIn(server, mia);
            assert.deepEqual([...client.jar.cookies.keys()].sort(), [SESSION_COOKIE[profile], 'csrfToken'].sort());
            const { attributes } = client.jar.cookies.get(SESSION_COOKIE[profile]);
            assert.deepEqual(attributes, { path: '/', httponly: true, samesite: 'Lax' });
            assert.deepEqual(client.jar.cookies.get('csrfToken').attributes, { path: '/' });
            assert.match(client.session, /^[\w-]{40,}$/);
        });
    it('that is new each time, and each lives for itself', async () => {
        const [one, other] = [await logIn(roster, mia), await logIn(roster, mia)];
        assert.notEqual(one.session, other.session);
        assertSuccess(await one.post('/auth/logout.json'));
        assertSuccess(await other.get('/auth/is-authenticated.json'), { action: ACTION.isAuthenticated });
    });
    it('is not taken from the cookie of the other profile', async () => {
        const { session } = await logIn(roster, mia);
        const answer = await new PassboltClient(roster).get('/groups.json', { headers: { Cookie: `CAKEPHP=${session}` } });
        assertError(answer, 401, NOT_LOGGED_IN);
    });
    it('ends with the log-out: the cookie is taken back, and worth nothing', async () => {
        const client = await logIn(roster, mia);
        const cookies = client.jar.header();
        const answer = await client.post('/auth/logout.json');
        const about = { message: 'You are successfully logged out.', action: ACTION.logout };
        assert.equal(assertSuccess(answer, about), null);
        assertGpgAuthHeaders(answer);
        assert.equal(client.session, undefined);
        const headers = { Cookie: cookies };
        for (const path of ['/groups.json', '/users/me.json', '/auth/is-authenticated.json'])
            assertError(await client.get(path, { headers }), 401, NOT_LOGGED_IN);
        assertError(await client.post('/auth/logout.json', undefined, { headers }), 401, NOT_LOGGED_IN);
    });
    it('does not end with GET', async () => {
        const client = await logIn(roster, mia);
        assertError(await client.get('/auth/logout.json'), 404, 'Not Found');
        assert.equal(assertSuccess(await client.get('/auth/is-authenticated.json')), null);
    });
    it('is told at stage 1, and may be replaced at stage 2', async () => {
        const client = await logIn(roster, mia);
        const { token } = await firstStage(new PassboltClient(roster, mia), serverKey);
        const { session } = client;
        assertError(await client.post('/auth/login.json', { gpg_auth: { keyid: mia.fingerprint } }), 409, undefined, {
            action: ACTION.login,
        });
        assertSuccess(await secondStage(client, token));
        assert.notEqual(client.session, session);
    });
    it('of one who may not come in any more does not keep others out', async () => {
        const client = await logIn(roster, nils);
        await roster.import([{ type: 'user', organizationId: 1, id: 4, active: false }]);
        await eventually(async () => assertError(await client.get('/users/me.json'), 401, NOT_LOGGED_IN));
        client.person = mia; // the same browser
        const { token } = await firstStage(client, serverKey);
        assertSuccess(await secondStage(client, token));
        assert.equal(assertSuccess(await client.get('/users/me.json')).id, mia.id);
        await roster.import([{ type: 'user', organizationId: 1, id: 4, active: true }]);
        await eventually(async () => logIn(roster, nils));
    });
});

describe('over TLS', () => {
    it('cookies are secure, and so is what comes after', async () => {
        const secure = new Roster();
        const { cert, flags } = makeCertificate(secure);
        await servePassbolt(passboltWorld({ mia }), 5, flags, secure);
        const options = { tls: { ca: fs.readFileSync(cert) } };
        const client = await logIn(secure, mia, { options });
        assert.deepEqual(client.jar.cookies.get('passbolt_session').attributes, {
            path: '/',
            secure: true,
            httponly: true,
            samesite: 'Lax',
        });
        assert.deepEqual(client.jar.cookies.get('csrfToken').attributes, { path: '/', secure: true });
        const answer = await client.get('/groups.json');
        assert.equal(answer.header('strict-transport-security'), 'max-age=31536000; includeSubDomains');
        const { app } = assertSuccess(await client.get('/settings.json'));
        assert.match(app.url, /^https:/);
        assertSuccess(await client.put(`/groups/${groupId(1)}.json`, {}).then(() => client.get('/users/me.json')));
        await secure.stop();
    });
});

// --- the CSRF token ---

describe('the CSRF token', () => {
    const NO_COOKIE = 'Missing or incorrect CSRF cookie type.';
    const NO_MATCH = 'CSRF token from either the request body or request headers did not match or is missing.';
    const PATH = `/groups/${groupId(1)}/dry-run.json`;

    /* Sends something that needs the token, with these cookies, header and body. */
    const send = (client, { csrf, cookie = csrf, header, body = {} }, path = PATH, method = 'PUT') => {
        const session = `${SESSION_COOKIE[client.roster.profile]}=${client.session}`;
        const Cookie = cookie === null ? session : `${session}; csrfToken=${cookie}`;
        return client.request(method, path, { json: body, headers: { Cookie, 'X-CSRF-Token': header ?? null } });
    };
    const other = '0'.repeat(128);

    /* What is sent, from the token; what is told. */
    const WAYS = {
        'in the header': [(csrf) => ({ csrf, header: csrf })],
        "in the body's member": [(csrf) => ({ csrf, body: { _csrfToken: csrf } })],
        'in the body, the header being empty': [(csrf) => ({ csrf, header: '', body: { _csrfToken: csrf } })],
        'not at all': [(csrf) => ({ csrf }), NO_MATCH],
        'wrong in the header': [(csrf) => ({ csrf, header: other }), NO_MATCH],
        'wrong in the header, right in the body': [(csrf) => ({ csrf, header: other, body: { _csrfToken: csrf } }), NO_MATCH],
        'wrong in the body': [(csrf) => ({ csrf, body: { _csrfToken: other } }), NO_MATCH],
        'as a number in the body': [(csrf) => ({ csrf, body: { _csrfToken: 1 } }), NO_MATCH],
        'cut off': [(csrf) => ({ csrf, header: csrf.slice(0, -1) }), NO_MATCH],
        'in other letters': [(csrf) => ({ csrf, header: csrf.toUpperCase() }), NO_MATCH],
        'without the cookie': [(csrf) => ({ csrf, cookie: null, header: csrf }), NO_COOKIE],
        'with an empty cookie': [(csrf) => ({ csrf, cookie: '', header: csrf }), NO_COOKIE],
        'with an empty cookie and header': [(csrf) => ({ csrf, cookie: '', header: '' }), NO_COOKIE],
        'with another cookie': [(csrf) => ({ csrf, cookie: other, header: csrf }), NO_MATCH],
    };
    let client;
    before(async () => (client = await logIn(roster, max)));

    for (const [how, [make, message]] of Object.entries(WAYS))
        it(`${how}: ${message ?? 'is fine'}`, async () => {
            const answer = await send(client, make(client.csrf));
            if (message) assert.equal(assertError(answer, 403, message, { action: ACTION.updateDryRun }), '');
            else assertSuccess(answer);
        });

    for (const [method, path, action] of [
        ['POST', '/groups.json', ACTION.add],
        ['PUT', `/groups/${groupId(1)}.json`, ACTION.update],
        ['DELETE', `/groups/${groupId(1)}.json`, ACTION.delete],
        ['DELETE', `/groups/${groupId(1)}/dry-run.json`, ACTION.deleteDryRun],
        ['POST', '/auth/logout.json', ACTION.logout],
        ['POST', '/auth/jwt/logout.json', ACTION.jwtLogout],
    ])
        it(`is needed for ${method} ${path.replace(groupId(1), '{id}')}`, async () => {
            assertError(await send(client, { csrf: client.csrf }, path, method), 403, NO_MATCH, { action });
            assertSuccess(await client.get('/auth/is-authenticated.json'));
        });
    it('is needed in profile 2 with the same words', async () => {
        const old = await logIn(inTwo, ada);
        const about = { action: ACTION.add, title: 'app_groups_addPost_error' };
        assertError(await send(old, { csrf: old.csrf }, '/groups.json', 'POST'), 403, NO_MATCH, about);
    });
    it('is needed by nobody with a bearer token, whatever cookies come with it', async () => {
        const Cookie = `passbolt_session=${client.session}; csrfToken=${client.csrf}`;
        const headers = { 'Authorization': `Bearer ${TOKEN.mia}`, Cookie, 'X-CSRF-Token': null };
        assertSuccess(await client.put(PATH, {}, { headers: { ...headers, Authorization: `Bearer ${TOKEN.max}` } }));
        assertError(await client.put(PATH, {}, { headers }), 403, 'You are not authorized to access that location.');
    });

    it('comes with a GET that has none, and with no other', async () => {
        const fresh = new PassboltClient(roster);
        assertSuccess(await fresh.get('/settings.json'));
        assert.match(fresh.csrf, /^[0-9a-f]{128}$/);
        for (const answer of [await fresh.get('/settings.json'), await new PassboltClient(roster).get('/groups.json')])
            assert.equal(answer.header('Set-Cookie'), undefined);
        const posted = await new PassboltClient(roster).post('/auth/login.json', { gpg_auth: { keyid: mia.fingerprint } });
        assert.equal(posted.header('Set-Cookie'), undefined);
    });
    it('is told by /users/csrf-token.json, with the cookie and without', async () => {
        const fresh = new PassboltClient(roster);
        for (let round = 0; round < 2; round++)
            assert.equal(assertSuccess(await fresh.get('/users/csrf-token.json')), fresh.csrf);
    });
});

// --- somebody is deactivated or deleted, the server ends ---

describe('who is deactivated or deleted by an import', () => {
    for (const [n, person, change] of [
        [4, nils, { active: false }],
        [3, mia, { delete: true }],
    ])
        it(`is out at once: ${JSON.stringify(change)}`, async () => {
            const server = await servePassbolt(passboltWorld(people), 5);
            const client = await logIn(server, person);
            const key = await learnServerKey(new PassboltClient(server, person));
            const { token } = await firstStage(new PassboltClient(server, person), key);
            await server.import([{ type: 'user', organizationId: 1, id: n, ...change }]);
            await eventually(async () => assertError(await client.get('/groups.json'), 401, NOT_LOGGED_IN), 5000);
            assertError(await client.put(`/groups/${groupId(1)}.json`, {}), 401, NOT_LOGGED_IN);
            for (const answer of [
                await secondStage(new PassboltClient(server, person), token),
                await new PassboltClient(server).post('/auth/login.json', { gpg_auth: { keyid: person.fingerprint } }),
            ])
                assertRefused(answer, `${NO_USER} User not found.`);
            await server.stop();
        });
});

describe('after kill -9', () => {
    it('sessions live, those that ended do not, and tokens are spent or good as before', async () => {
        const server = await servePassbolt(passboltWorld({ mia, max }), 5);
        const key = await learnServerKey(new PassboltClient(server, mia));
        const living = await logIn(server, mia);
        const ended = await logIn(server, mia);
        const endedCookies = ended.jar.header();
        assertSuccess(await ended.post('/auth/logout.json'));
        const spent = (await firstStage(new PassboltClient(server, mia), key)).token;
        assertSuccess(await secondStage(new PassboltClient(server, mia), spent));
        const good = (await firstStage(new PassboltClient(server, mia), key)).token;
        await server.kill();
        await servePassbolt(null, 5, [], server);

        const again = new PassboltClient(server, mia);
        again.jar = living.jar;
        assert.equal(assertSuccess(await again.get('/users/me.json')).id, userId(3));
        assertSuccess(await again.put(`/groups/${groupId(1)}.json`, {}).then(() => again.get('/groups.json')));
        const fresh = () => new PassboltClient(server, mia);
        assertError(await fresh().get('/groups.json', { headers: { Cookie: endedCookies } }), 401, NOT_LOGGED_IN);
        assertRefused(await secondStage(fresh(), spent), NO_TOKEN);
        assertSuccess(await secondStage(fresh(), good));
        assert.equal(await learnServerKey(fresh()), key);
        await server.stop();
    });
});
