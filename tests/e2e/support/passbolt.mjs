// passbolt.mjs — people who log in to Passbolt's API with keys of their own (made, and every message read and written, by GnuPG),
// and what the answers look like: docs/passbolt.md.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { Keyring } from './gnupg.mjs';
import { smallWorld } from './objects.mjs';
import { Roster } from './roster.mjs';

// --- the small world, with keys ---

/* The UUIDs of the n-th user and group of a test. */
export const userId = (n) => `c1d2e3f4-0a1b-4c2d-8e3f-${String(n).padStart(12, '0')}`;
export const groupId = (n) => `b7cbce9f-6a20-445b-b20a-${String(n).padStart(12, '0')}`;

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-5][0-9a-f]{3}-[089ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RANDOM_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/;
const LOGIN_TOKEN = /^gpgauthv1\.3\.0\|36\|([0-9a-f-]{36})\|gpgauthv1\.3\.0$/;

/* The users of the small world: number, first name, last name. */
const PEOPLE = {
    ada: [1, 'Ada', 'Lovelace'],
    max: [2, 'Max', 'Planck'],
    mia: [3, 'Mia', 'Hamm'],
    nils: [4, 'Nils', 'Holgersson'],
    ines: [5, 'Ines', 'Castro'],
    uma: [11, 'Uma', 'Bayer'],
    ulf: [12, 'Ulf', 'Merbold'],
};
const OF_ACME = ['ada', 'max', 'mia', 'nils', 'ines'];

const emailOf = (name) => `${name}@example.org`;

/* Somebody with a key pair in a keyring of their own. `more` may be { algorithm, passphrase } of the key that is made. */
export async function makePerson(name, more = {}) {
    const [n, firstName, lastName] = PEOPLE[name];
    const keyring = new Keyring();
    const fingerprint = await keyring.generate(`${firstName} ${lastName} <${emailOf(name)}>`, more);
    const person = { ...more, name, n, id: userId(n), email: emailOf(name), keyring, fingerprint };
    return { ...person, publicKey: await keyring.publicKey(fingerprint) };
}

/* { ada, max ... }: all of `names`, else all of Acme, each with a key. */
export async function makePeople(names = OF_ACME) {
    const people = await Promise.all(names.map((name) => makePerson(name)));
    return Object.fromEntries(people.map((person) => [person.name, person]));
}

/* The world of objects.mjs (Ada is an administrator; Max manages Red, where Mia is a member; both are in Green, which nobody
 * manages), with the UUIDs above, names, addresses and the public keys of `people`: { name: { publicKey } }. */
export function passboltWorld(people) {
    const named = Object.entries(PEOPLE).map(([name, [n, firstName, lastName]]) => {
        const publicKey = people[name]?.publicKey;
        const email = emailOf(name);
        const more = { uuid: userId(n), userName: email, emailAddress: email, firstName, lastName };
        return [n, publicKey ? { ...more, publicKey } : more];
    });
    const more = new Map(named);
    return smallWorld().map((object) => {
        if (object.type === 'user') return { ...object, ...more.get(object.id) };
        return object.type === 'group' ? { ...object, uuid: groupId(object.id) } : object;
    });
}

/* A Roster that serves `objects` in that profile. */
export async function servePassbolt(objects, profile, settings = [], roster = new Roster()) {
    if (objects) await roster.import(objects);
    roster.profile = profile; // so that answers are looked at with that in mind
    return roster.serve(['--passbolt.profile', String(profile), ...settings]);
}

/* A client with a bearer credential of Roster's own, which needs no log-in. */
export function withCredential(roster, secret) {
    const client = new PassboltClient(roster);
    client.accessToken = secret;
    return client;
}

/* Serves the world in a profile, nobody with a key, and a ninth user who was deleted. */
export async function servePassboltWithGone(profile, roster) {
    const gone = { type: 'user', organizationId: 1, id: 9, uuid: userId(9) };
    await roster.import([...passboltWorld({}), gone]);
    await roster.import([{ type: 'user', organizationId: 1, id: 9, delete: true }]);
    return servePassbolt(null, profile, [], roster);
}

// --- asking ---

class CookieJar {
    cookies = new Map(); // name → { value, attributes: lower-case name → text or true }

    take(answer) {
        for (const [name, text] of answer.headers) if (name.toLowerCase() === 'set-cookie') this.#take(text);
    }

    #take(text) {
        const [pair, ...rest] = text.split(/; */);
        const attributes = rest.map((part) => [part.split('=')[0].toLowerCase(), part.split('=')[1] ?? true]);
        const [, name, value] = /^([^=]+)=(.*)$/.exec(pair);
        const cookie = { value: decodeURIComponent(value), attributes: Object.fromEntries(attributes) };
        const isGone = cookie.attributes['max-age'] === '0' || new Date(cookie.attributes.expires) < new Date();
        if (isGone || value === 'deleted') this.cookies.delete(name);
        else this.cookies.set(name, cookie);
    }

    value(name) {
        return this.cookies.get(name)?.value;
    }

    header() {
        return [...this.cookies].map(([name, { value }]) => `${name}=${encodeURIComponent(value)}`).join('; ');
    }
}

export const SESSION_COOKIE = { 5: 'passbolt_session', 2: 'CAKEPHP' };

/* Somebody's client: it keeps cookies as a browser does, and sends the CSRF token with what changes something; or the access
 * token with everything. */
export class PassboltClient {
    /* `options` are those of Client: { tls } and so on. */
    constructor(roster, person = null, options = {}) {
        this.roster = roster;
        this.person = person;
        this.jar = new CookieJar();
        this.accessToken = null;
        this.client = roster.as(null, options);
    }

    get(path, options) {
        return this.request('GET', path, options);
    }

    post(path, json, options) {
        return this.request('POST', path, { json, ...options });
    }

    put(path, json, options) {
        return this.request('PUT', path, { json, ...options });
    }

    delete(path, json, options) {
        return this.request('DELETE', path, { json, ...options });
    }

    /* As Client.request; a header that is null is not sent. */
    async request(method, path, { headers = {}, ...options } = {}) {
        const own = { Accept: 'application/json' };
        if (this.accessToken) own.Authorization = `Bearer ${this.accessToken}`;
        else if (this.jar.cookies.size) own.Cookie = this.jar.header();
        if (!this.accessToken && method !== 'GET' && this.csrf) own['X-CSRF-Token'] = this.csrf;
        const answer = await this.client.request(method, path, { headers: { ...own, ...headers }, ...options });
        answer.profile = this.roster.profile ?? 5;
        this.jar.take(answer);
        return answer;
    }

    get csrf() {
        return this.jar.value('csrfToken');
    }

    get session() {
        return this.jar.value('passbolt_session') ?? this.jar.value('CAKEPHP');
    }
}

// --- GPGAuth ---

/* Takes the server's key up in the person's keyring and gives its fingerprint, which must be the one the server tells. */
export async function learnServerKey(client) {
    const answer = await client.get('/auth/verify.json');
    const { fingerprint, keydata } = assertSuccess(answer, { action: ACTION.verify });
    assert.match(fingerprint, /^[0-9A-F]{40}$/);
    assert.equal(await client.person.keyring.import(keydata), fingerprint);
    return fingerprint;
}

export const newToken = () => `gpgauthv1.3.0|36|${crypto.randomUUID()}|gpgauthv1.3.0`;

/* Stage 0: can the server read what is encrypted to its key? */
export async function assertServerHoldsKey(client, serverFingerprint, { keyid = client.person.fingerprint } = {}) {
    const token = newToken();
    const message = await client.person.keyring.encrypt(token, { to: serverFingerprint });
    const answer = await client.post('/auth/verify.json', { gpg_auth: { keyid, server_verify_token: message } });
    assertStage(answer, 'stage0');
    assert.equal(answer.header('X-GPGAuth-Verify-Response'), token);
}

/* The two stages before the last are answered as a failure that is none. */
function assertStage(answer, stage) {
    assert.equal(assertEnvelope(answer, { status: 'error', code: 200, message: 'The authentication failed.' }), null);
    assert.equal(answer.header('X-GPGAuth-Authenticated'), 'false');
    assert.equal(answer.header('X-GPGAuth-Progress'), stage);
    assertGpgAuthHeaders(answer);
}

/* On every answer that is not an error, unless a JWT was sent. */
export function assertGpgAuthHeaders(answer) {
    assert.equal(answer.header('X-GPGAuth-Version'), '1.3.0');
    assert.equal(answer.header('X-GPGAuth-Login-URL'), '/auth/login');
    assert.equal(answer.header('X-GPGAuth-Logout-URL'), '/auth/logout');
    assert.equal(answer.header('X-GPGAuth-Verify-URL'), '/auth/verify');
    assert.equal(answer.header('X-GPGAuth-Pubkey-URL'), '/auth/verify.json');
    assert.equal(answer.header('X-GPGAuth-Error'), undefined);
}

/* A header value as PHP's urlencode and then its quotemeta make it, undone step by step. */
export function undoEncoding(text) {
    return decodeURIComponent(text.replace(/\\(.)/g, '$1').replaceAll('+', ' '));
}

/* As clients undo it: some know of the backslash before a plus only. */
export const undoAsPythonClients = (text) => decodeURIComponent(text).replaceAll('\\+', ' ');
export const undoAsGoClient = (text) => decodeURIComponent(text.replaceAll('+', ' ')).replaceAll('\\ ', ' ');

/* How the bodies of the two stages may come, from { keyid, user_token_result }. */
export const WRAPPED = {
    plainly: (gpg_auth) => ({ gpg_auth }),
    inData: (gpg_auth) => ({ data: { gpg_auth } }),
};

/* Stage 1: { answer, token }. The token must be encrypted to the person and signed by the server. */
export async function firstStage(client, serverFingerprint, { wrap = WRAPPED.plainly, keyid = client.person.fingerprint } = {}) {
    const answer = await client.post('/auth/login.json', wrap({ keyid }));
    assertStage(answer, 'stage1');
    const message = undoEncoding(answer.header('X-GPGAuth-User-Auth-Token'));
    const { text, signer } = await client.person.keyring.decrypt(message, client.person);
    assert.equal(signer, serverFingerprint, 'the token is not signed by the server');
    assert.match(text, LOGIN_TOKEN);
    assert.match(LOGIN_TOKEN.exec(text)[1], RANDOM_UUID);
    return { answer, token: text };
}

/* Stage 2 with that token: the answer, whatever it is. */
export function secondStage(client, token, { wrap = WRAPPED.plainly, keyid = client.person.fingerprint } = {}) {
    return client.post('/auth/login.json', wrap({ keyid, user_token_result: token }));
}

/* Logs somebody in as real clients do, and gives their client: with a session and the CSRF token from `csrfFrom`. */
export async function logIn(roster, person, { csrfFrom = '/users/me.json', options, ...how } = {}) {
    const client = new PassboltClient(roster, person, options);
    const serverFingerprint = await learnServerKey(new PassboltClient(roster, person, options)); // no cookies come with it
    const { token } = await firstStage(client, serverFingerprint, how);
    const answer = await secondStage(client, token, how);
    const user = assertSuccess(answer, { message: 'You are successfully logged in.', action: ACTION.login });
    assert.equal(user.id, person.id);
    assert.equal(answer.header('X-GPGAuth-Authenticated'), 'true');
    assert.equal(answer.header('X-GPGAuth-Progress'), 'complete');
    assert.equal(answer.header('X-GPGAuth-Refer'), '/');
    assert.ok(client.session, 'there is no session cookie');
    assertSuccess(await client.get(csrfFrom));
    assert.match(client.csrf, /^[0-9a-f]{128}$/);
    return client;
}

// --- JWT ---

/* The challenge that somebody sends to log in; `change` alters what is in it. */
export async function makeChallenge(client, serverFingerprint, change = {}) {
    const { keyring, fingerprint, passphrase } = client.person;
    const challenge = {
        version: '1.0.0',
        domain: client.roster.url,
        verify_token: crypto.randomUUID(),
        verify_token_expiry: Math.floor(Date.now() / 1000) + 120,
        ...change,
    };
    const options = { to: serverFingerprint, signer: fingerprint, passphrase };
    return { challenge, message: await keyring.encrypt(JSON.stringify(challenge), options) };
}

/* Logs somebody in with a challenge: their client, which has `accessToken` and `refreshToken` and no session. */
export async function jwtLogIn(roster, person) {
    const client = new PassboltClient(roster, person);
    const serverFingerprint = await learnServerKey(new PassboltClient(roster, person));
    const { challenge, message } = await makeChallenge(client, serverFingerprint);
    const answer = await client.post('/auth/jwt/login.json', { user_id: person.id, challenge: message });
    const body = assertSuccess(answer, { message: 'The authentication was a success.', action: ACTION.jwtLogin });
    const { text, signer } = await person.keyring.decrypt(body.challenge, person);
    assert.equal(signer, serverFingerprint, 'the challenge is not signed by the server');
    const { access_token, refresh_token, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, { version: '1.0.0', domain: challenge.domain, verify_token: challenge.verify_token });
    assert.match(refresh_token, UUID);
    client.accessToken = access_token;
    client.refreshToken = refresh_token;
    return client;
}

// --- answers ---

/* Which action answered: fixed UUIDs. */
export const ACTION = {
    list: '3cffe6ef-ea4c-5bc3-869b-945f26e2601a',
    view: 'f0c5d1cd-b3e3-5494-8fb7-73a427790ce2',
    add: '5bd4ecae-da08-577d-ac32-ce7b13bd7b0f',
    update: '3303ccc6-778b-55b7-b06e-0c06d756217d',
    updateDryRun: '97f3b758-d327-5be8-a6d8-44e52ff9d450',
    delete: '4df169f8-79e6-5da9-9c14-8440d7551c0f',
    deleteDryRun: 'a14a283d-ffd5-586d-a9b2-a206f4f80b46',
    verify: '748dcd10-7d15-5498-9aa6-d26de348ff02',
    login: 'a3c19ad2-8920-5395-86d0-8567cb34f382',
    isAuthenticated: '4d2d5c43-a76a-5d4a-8f47-2b1f0268e3d6',
    logout: '19f9a792-3495-597b-bc94-dff1bc3e3967',
    jwtLogin: '28c0972b-e6a2-5d44-a5cb-bc2d11799cc1',
    jwtRefresh: 'd6e2cf35-4c84-570f-bc3f-aaa490a9de61',
    jwtLogout: '4d1317e5-a5c6-5545-b2dc-5eb866c64b1b',
    viewUser: '881ab948-e40f-5a72-91aa-54b442270029',
    listUsers: 'd7bc9044-a64e-5421-a4d7-7a94eaa39d37',
    settings: 'bef9f3ca-86ef-5c6a-9b38-320e03ceb5df',
    error: '17b8a54b-8069-586a-8ca2-7e7569b28e08', // no such path or method
};

/* A value as PHP writes it in JSON, with the flags that the original has: compact, only ASCII, and < > & ' " / escaped too. */
export function phpJson(value) {
    const hex = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const text = (string) =>
        JSON.stringify(string)
            .slice(1, -1)
            .replaceAll('\\"', '\\u0022')
            .replace(/[<>&']/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16).toUpperCase()}`)
            .replaceAll('/', '\\/')
            .replace(/[\x7f-\uffff]/g, (unit) => (unit === '\x7f' ? unit : hex(unit)));
    if (typeof value === 'string') return `"${text(value)}"`;
    if (Array.isArray(value)) return `[${value.map(phpJson)}]`;
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    return `{${Object.entries(value).map(([name, item]) => `${phpJson(name)}:${phpJson(item)}`)}}`;
}

/* The answer is JSON as PHP writes it, with these members in this order; gives the body. What is not told is not compared. There
 * is a title in profile 2, and only there. */
export function assertEnvelope(answer, { status, code, message, action, title }) {
    assert.equal(answer.status, code, `expected ${code}, the answer was ${answer.status} ${answer.text}`);
    assert.equal(answer.header('Content-Type'), 'application/json');
    const envelope = answer.json;
    assert.equal(answer.text, phpJson(envelope));
    assert.deepEqual(Object.keys(envelope), ['header', 'body']);
    const { header, body } = envelope;
    const hasTitle = answer.profile === 2;
    const known = ['id', 'status', 'servertime', ...(hasTitle ? ['title'] : []), 'action', 'message', 'url', 'code'];
    assert.deepEqual(
        Object.keys(header).filter((name) => name !== 'pagination'),
        known,
    );
    assert.match(header.id, RANDOM_UUID);
    assert.equal(header.status, status);
    assert.ok(Number.isInteger(header.servertime), `${header.servertime} is not whole seconds`);
    assert.equal(header.code, code);
    if (hasTitle) assert.match(header.title, new RegExp(`^app_[a-z]*_[a-zA-Z]*_${status}$`));
    if (hasTitle && title) assert.equal(header.title, title);
    if (action) assert.equal(header.action, action);
    if (message) assert.equal(header.message, message);
    return body;
}

export const assertSuccess = (answer, expected) => assertEnvelope(answer, { status: 'success', code: 200, ...expected });

/* An error with this code; `message` is the whole text. */
export const assertError = (answer, code, message, more) => assertEnvelope(answer, { status: 'error', code, message, ...more });

const BASE = ['id', 'name', 'deleted', 'created', 'modified', 'created_by', 'modified_by'];
const ASSOCIATED = ['modifier', 'users', 'my_group_user', 'groups_users'];

/* A group with these associated members, and no others. */
export function assertGroup(group, associated = []) {
    const expected = [...BASE, ...ASSOCIATED.filter((name) => associated.includes(name))];
    assert.deepEqual(Object.keys(group).sort(), [...expected].sort());
    assert.deepEqual(Object.keys(group).slice(0, BASE.length), BASE);
    assert.match(group.id, UUID);
    assert.equal(group.deleted, false);
    assert.match(group.created, DATE_TIME);
    assert.match(group.modified, DATE_TIME);
    for (const member of group.groups_users ?? []) assertMembership(member, group.id);
}

export function assertMembership(membership, ofGroup) {
    assert.deepEqual(Object.keys(membership).slice(0, 5), ['id', 'group_id', 'user_id', 'is_admin', 'created']);
    assert.match(membership.id, UUID);
    assert.match(membership.user_id, UUID);
    assert.equal(membership.group_id, ofGroup);
    assert.equal(typeof membership.is_admin, 'boolean');
    assert.match(membership.created, DATE_TIME);
}

/* Who is in a group: { name: is_admin }, in the order of names. Asked for by `client`. */
export async function members(client, id, names = PEOPLE) {
    const answer = await client.get(`/groups/${id}.json?contain[groups_users]=1`);
    const group = assertSuccess(answer, { action: ACTION.view });
    const byId = new Map(Object.entries(names).map(([name, [n]]) => [userId(n), name]));
    const found = group.groups_users.map(({ user_id, is_admin }) => [byId.get(user_id), is_admin]);
    return Object.fromEntries(found.sort());
}
