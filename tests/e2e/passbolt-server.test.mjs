// What an operator decides about log-ins to Passbolt's API: the server's key, whose users may come in, how often one may try, how
// long a session lives; and that log-ins do not delay reads. docs/passbolt.md 1.1 and 2.9.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exchange, parseAnswers } from './support/client.mjs';
import { Keyring } from './support/gnupg.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import {
    assertError,
    assertSuccess,
    firstStage,
    jwtLogIn,
    learnServerKey,
    logIn,
    makeChallenge,
    makePeople,
    newToken,
    PassboltClient,
    passboltWorld,
    secondStage,
    servePassbolt,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';
import { eventually, sleep, timed } from './support/wait.mjs';

const people = await makePeople(['ada', 'max', 'mia']);
const { ada, max, mia } = people;
const world = passboltWorld(people);
const NOT_LOGGED_IN = 'Authentication is required to continue';

function stage1(roster, { fingerprint }) {
    return new PassboltClient(roster).post('/auth/login.json', { gpg_auth: { keyid: fingerprint } });
}

/* A server key, made by GnuPG, in a file beside the database. */
const serverKeys = new Keyring();
const rsa = await serverKeys.generate('Roster <roster@example.org>', { algorithm: 'rsa3072' });

describe("the server's key", () => {
    it('is made at the first start and stays; another installation has another', async () => {
        const [roster, other] = [await servePassbolt(world, 5), await servePassbolt(world, 5)];
        const key = await learnServerKey(new PassboltClient(roster, mia));
        assert.notEqual(await learnServerKey(new PassboltClient(other, mia)), key);
        const rsaKey = assertSuccess(await new PassboltClient(roster).get('/auth/jwt/rsa.json')).keydata;
        await other.stop();
        await roster.stop();
        await servePassbolt(null, 5, [], roster);
        assert.equal(await learnServerKey(new PassboltClient(roster, mia)), key);
        assert.equal(assertSuccess(await new PassboltClient(roster).get('/auth/jwt/rsa.json')).keydata, rsaKey);
        await roster.kill();
        await servePassbolt(null, 5, [], roster);
        assert.equal(await learnServerKey(new PassboltClient(roster, mia)), key);
        await roster.stop();
    });
    it('may be given, and another one later; sessions stay', async () => {
        const roster = new Roster();
        const file = roster.file('server.asc', await serverKeys.secretKey(rsa));
        await servePassbolt(world, 5, ['--passbolt.server_key', file], roster);
        const client = await logIn(roster, mia);
        await jwtLogIn(roster, max);
        assert.equal(await learnServerKey(new PassboltClient(roster, mia)), rsa);
        await roster.stop();
        await servePassbolt(null, 5, [], roster);
        assert.notEqual(await learnServerKey(new PassboltClient(roster, mia)), rsa);
        const again = new PassboltClient(roster, mia);
        again.jar = client.jar;
        assertSuccess(await again.get('/groups.json'));
        await logIn(roster, max);
        await roster.stop();
    });

    const BAD = {
        'is not there': () => null,
        'is empty': () => '',
        'is garbage': () => 'garbage',
        'is a public key': () => serverKeys.publicKey(rsa),
        'has a passphrase': async () => {
            const keyring = new Keyring();
            const made = await keyring.generate('Roster <roster@example.org>', { passphrase: 'secret' });
            return keyring.secretKey(made, 'secret');
        },
        'is very large': async () => `${await serverKeys.secretKey(rsa)}${'x'.repeat(1 << 20)}`,
    };
    for (const [what, make] of Object.entries(BAD))
        it(`that ${what} stops the start`, async () => {
            const roster = new Roster();
            await roster.import(smallWorld());
            const content = await make();
            const file = roster.file('server.asc', ...(content === null ? [] : [content]));
            const args = ['serve', '--store', roster.store, '--listen', '127.0.0.1:0', '--passbolt.server_key', file];
            const { code, stdout, stderr } = await roster.run(args);
            assert.notEqual(code, 0);
            assert.ok(stderr.includes(file), stderr);
            assert.ok(!`${stdout}${stderr}`.includes('BEGIN PGP PRIVATE'), 'the key is shown');
        });
});

describe('a key in two organizations', () => {
    const both = [...world, { type: 'user', organizationId: 2, id: 11, publicKey: mia.publicKey }];
    it('is refused as if nobody had it: that there are others is for the log', async () => {
        const roster = await servePassbolt(both, 5);
        const answer = await stage1(roster, mia);
        assertError(answer, 400);
        assert.equal(answer.json.header.message, 'There is no user associated with this key. User not found.');
        assert.equal(answer.header('X-GPGAuth-Debug'), answer.json.header.message);
        assert.equal(answer.header('X-GPGAuth-User-Auth-Token'), undefined);
        await logIn(roster, max); // whose key is in one only
        await roster.stop();
        assert.match(roster.log, /request [0-9a-f-]{36}: a log-in is refused: [0-9A-F]{40}, the key belongs to users of several organizations; .*passbolt\.organization/);
    });
    it('is good where the setting says whose', async () => {
        const roster = await servePassbolt(both, 5, ['--passbolt.organization', '1']);
        const client = await logIn(roster, mia);
        assert.deepEqual(
            assertSuccess(await client.get('/groups.json')).map(({ name }) => name).sort(),
            ['Blue', 'Green', 'Red'],
        );
        await roster.stop();
        await servePassbolt(null, 5, ['--passbolt.organization', '2'], roster);
        const uma = new PassboltClient(roster, mia);
        const { token } = await firstStage(uma, await learnServerKey(uma));
        assert.notEqual(assertSuccess(await secondStage(uma, token)).id, mia.id);
        assert.deepEqual(
            assertSuccess(await uma.get('/groups.json')).map(({ name }) => name).sort(),
            ['Black', 'Red'],
        );
        assertError(await stage1(roster, max), 400, 'There is no user associated with this key. User not found.');
        await roster.stop();
    });
});

describe("a user's key", () => {
    it('may be replaced by an import: the new one counts from the next log-in on', async () => {
        const roster = await servePassbolt(world, 5);
        const client = await logIn(roster, mia);
        const [other] = Object.values(await makePeople(['mia']));
        await roster.import([{ type: 'user', organizationId: 1, id: 3, publicKey: other.publicKey }]);
        await eventually(() => logIn(roster, other));
        assertError(await stage1(roster, mia), 400, 'There is no user associated with this key. User not found.');
        await jwtLogIn(roster, other);
        const { gpgkey } = assertSuccess(await client.get('/users/me.json')); // the session goes on
        assert.equal(gpgkey.fingerprint, other.fingerprint);
        await roster.stop();
    });
    it('that another user of the organization has, too, is nobody\'s', async () => {
        const roster = await servePassbolt([...world, { type: 'user', organizationId: 1, id: 4, publicKey: mia.publicKey }], 5);
        const answer = await stage1(roster, mia);
        assertError(answer, 400);
        assert.match(answer.json.header.message, /^There is no user associated with this key\. /);
        assert.equal(answer.header('X-GPGAuth-User-Auth-Token'), undefined);
        await roster.stop();
    });
});

describe("the server's address", () => {
    it('is what the setting says: in challenges, tokens and settings', async () => {
        const url = 'https://pass.example.org/passbolt';
        const roster = await servePassbolt(world, 5, ['--passbolt.url', url]);
        const client = new PassboltClient(roster, mia);
        const key = await learnServerKey(client);
        const logInTo = async (domain) => {
            const { message } = await makeChallenge(client, key, { domain });
            return new PassboltClient(roster).post('/auth/jwt/login.json', { user_id: mia.id, challenge: message });
        };
        for (const domain of [roster.url, 'https://pass.example.org', `${url}2`, url.toUpperCase()])
            assertError(await logInTo(domain), 400, 'The credentials are invalid.');
        const { challenge } = assertSuccess(await logInTo(url));
        const { domain, access_token } = JSON.parse((await mia.keyring.decrypt(challenge)).text);
        assert.equal(domain, url);
        assert.equal(JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url')).iss, url);
        assert.equal(assertSuccess(await client.get('/settings.json')).app.url, `${url}/`);
        await roster.stop();
    });
    it('that is none stops the start', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        for (const url of ['pass.example.org', 'ftp://x.example', 'https://', 'https://a b', 'https://x?y', 'https://x#y']) {
            const args = ['serve', '--store', roster.store, '--listen', '127.0.0.1:0', '--passbolt.url', url];
            const { code, stderr } = await roster.run(args);
            assert.notEqual(code, 0, url);
            assert.match(stderr, /\w/);
        }
    });
});

describe('attempts', () => {
    const RATE = /^Too many attempts, try again in (\d+) seconds\.$/;
    function assertTooMany(answer) {
        assertError(answer, 429);
        const [, seconds] = RATE.exec(answer.json.header.message);
        assert.equal(answer.header('Retry-After'), seconds);
        assert.ok(Number(seconds) >= 1 && Number(seconds) <= 60);
    }

    it('of an address are limited, whatever they are; nothing else is', async () => {
        const roster = await servePassbolt(world, 5, ['--passbolt.attempts_per_address', '6']);
        const client = await logIn(roster, mia); // two of them
        const server_verify_token = await mia.keyring.encrypt(newToken(), { to: await learnServerKey(client) });
        const post = (path, body) => new PassboltClient(roster).post(path, body);
        const all = [
            () => stage1(roster, max),
            () => post('/auth/jwt/login.json', { user_id: max.id, challenge: 'x' }),
            () => post('/auth/jwt/refresh.json', { user_id: max.id, refresh_token: max.id }),
            () => post('/auth/verify.json', { gpg_auth: { keyid: mia.fingerprint, server_verify_token } }),
        ];
        const statuses = [];
        for (const attempt of all) statuses.push((await attempt()).status);
        assert.deepEqual(statuses, [200, 400, 401, 200]);
        for (const attempt of all) assertTooMany(await attempt());
        assertSuccess(await client.get('/groups.json'));
        assertSuccess(await client.post('/auth/logout.json'));
        assertSuccess(await new PassboltClient(roster).get('/auth/verify.json'));
        await roster.stop();
    });
    it('for a key are limited, and do not keep out who has another', async () => {
        const settings = ['--passbolt.attempts_per_key', '3', '--passbolt.attempts_per_address', '0'];
        const roster = await servePassbolt(world, 5, settings);
        for (const keyid of [mia.fingerprint, mia.fingerprint.toLowerCase(), mia.fingerprint])
            assert.equal((await stage1(roster, { fingerprint: keyid })).status, 200);
        assertTooMany(await stage1(roster, mia));
        assertTooMany(await stage1(roster, { fingerprint: mia.fingerprint.toLowerCase() }));
        await logIn(roster, max);
        await roster.stop();
    });
    it('are not limited if the settings say 0', async () => {
        const settings = ['--passbolt.attempts_per_key', '0', '--passbolt.attempts_per_address', '0'];
        const roster = await servePassbolt(world, 5, settings);
        const unknown = { fingerprint: '0'.repeat(40) };
        const answers = [];
        for (let wave = 0; wave < 3; wave++) // more than wait for a turn at once
            answers.push(...(await Promise.all(Array.from({ length: 100 }, () => stage1(roster, unknown)))));
        assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400]);
        await roster.stop();
    });
});

describe('a session', () => {
    it('ends when nobody uses it, and goes on when somebody does', async () => {
        const roster = await servePassbolt(world, 5); // which takes longer than the next starts: it makes keys
        await roster.stop();
        const startMs = await timed(() => servePassbolt(null, 5, [], roster));
        const clients = [await logIn(roster, mia), await logIn(roster, max), await logIn(roster, ada)];
        const program = await jwtLogIn(roster, mia);
        await roster.stop();

        // The database says that all of them end soon, but not before the server runs again: nobody wants to wait for minutes
        // (docs/storage.md, `login`).
        const end = (Date.now() + 2000 + Math.ceil(5 * startMs)) * 1000;
        roster.query(`UPDATE login SET expires_at = ${end}`);

        await servePassbolt(null, 5, [], roster);
        const [used, unused, early] = clients.map(({ jar, person }) => {
            const client = new PassboltClient(roster, person);
            client.jar = jar;
            return client;
        });
        assertSuccess(await used.get('/groups.json')); // which prolongs it
        assertSuccess(await early.post('/auth/logout.json'));
        await sleep(end / 1000 - Date.now() + 200);
        assertSuccess(await used.get('/groups.json'));
        for (const client of [unused, early]) assertError(await client.get('/groups.json'), 401, NOT_LOGGED_IN);
        const body = { user_id: mia.id, refresh_token: program.refreshToken };
        assertError(await new PassboltClient(roster).post('/auth/jwt/refresh.json', body), 401);

        await roster.stop();
        await servePassbolt(null, 5, [], roster);
        const later = new PassboltClient(roster, used.person);
        later.jar = used.jar;
        assertSuccess(await later.get('/groups.json')); // an end of the server does not take it back
        await roster.stop();
    });
});

describe('a head that does not arrive', () => {
    it('is told so, with the time', async () => {
        const roster = await servePassbolt(world, 5, ['--head-timeout-s', '1']);
        const begun = Math.floor(Date.now() / 1000);
        const { text } = await exchange(roster, 'GET /groups.json HTTP/1.1\r\nHos');
        const [{ status, body }] = parseAnswers(text);
        const { header } = JSON.parse(body);
        assert.deepEqual([status, header.code, header.status], [408, 408, 'error']);
        assert.ok(header.servertime >= begun && header.servertime <= Date.now() / 1000, `${header.servertime}`);
        await roster.stop();
    });
});

describe('log-ins', () => {
    const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

    it('do not delay reads', async () => {
        const roster = new Roster();
        const file = roster.file('server.asc', await serverKeys.secretKey(rsa)); // the slow kind
        const noLimits = ['--passbolt.attempts_per_key', '0', '--passbolt.attempts_per_address', '0'];
        await servePassbolt(world, 5, ['--passbolt.server_key', file, ...noLimits], roster);
        const reader = withCredential(roster, TOKEN.mia);
        assertSuccess(await reader.get('/groups.json'));

        let going = true;
        const logins = [],
            reads = [];
        const logInAgainAndAgain = async () => {
            while (going) logins.push(await timed(async () => assert.equal((await stage1(roster, mia)).status, 200)));
        };
        const crowd = Promise.all(Array.from({ length: 8 }, logInAgainAndAgain));
        while (logins.length < 60) {
            reads.push(await timed(async () => assertSuccess(await reader.get('/groups.json'))));
            await sleep(2);
        }
        going = false;
        await crowd;
        // One that waited for its turn among the log-ins would take about as long as they do.
        assert.ok(median(reads) < median(logins) / 3, `a read takes ${median(reads)} ms, a log-in ${median(logins)} ms`);
        assert.ok(reads.length > 10, `${reads.length} reads`);
        await roster.stop();
    });
});
