// tedee.mjs — what Tedee's answers look like (docs/tedee.md), to compare whole answers with; and the small world as Tedee's clients know it.
import assert from 'node:assert/strict';
import { smallWorld } from './objects.mjs';

export const API = '/api/v37';
export const ORGANIZATIONS = `${API}/organization`;

/* The UUID of the n-th group of a test, and paths. */
export const groupId = (n) => `a4d5e6f7-8b9c-4d2e-9f1a-${String(n).padStart(12, '0')}`;
export const groups = (organizationId = 1) => `${ORGANIZATIONS}/${organizationId}/user-groups`;
export const users = (organizationId = 1) => `${ORGANIZATIONS}/${organizationId}/user`;
export const groupPath = (n, organizationId = 1) => `${groups(organizationId)}/${groupId(n)}`;
export const membersPath = (n, organizationId = 1) => `${groupPath(n, organizationId)}/members`;

/* Gives groups of the directory file the UUIDs of groupId. */
export const withUuids = (objects) =>
    objects.map((object) => (object.type === 'group' ? { ...object, uuid: groupId(object.id) } : object));

/* A credential that is sent as `Authorization: PersonalKey SECRET`. */
export const personalKey = (organizationId, secret, more = {}) => ({
    type: 'credential',
    organizationId,
    kind: 'personal-key',
    secret,
    rights: ['read', 'write'],
    ...more,
});

/* The world of objects.mjs, with personal keys beside the tokens of Ada and of a reader. */
export const KEY = { ada: 'personal-key-of-ada', reader: 'personal-key-of-a-reader' };
export const tedeeWorld = () => [
    ...withUuids(smallWorld()),
    personalKey(1, KEY.ada, { userId: 1 }),
    personalKey(1, KEY.reader, { rights: ['read'] }),
];

/* On every answer, once each. */
export function assertTedeeHeaders(answer) {
    assert.equal(answer.header('API-Supported-Versions'), '37');
    assert.match(answer.header('X-Correlation-ID'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    if (answer.text) {
        assert.equal(answer.header('Content-Type'), 'application/json; charset=utf-8');
        assert.equal(answer.header('Content-Length'), String(Buffer.byteLength(answer.text)));
    }
}

/* 200 with exactly these bytes. */
export function assertBytes(answer, bytes) {
    assert.equal(answer.text, bytes);
    assert.equal(answer.status, 200);
    assertTedeeHeaders(answer);
}

/* 200 with this result in the envelope, as compact JSON, members in this order. */
export function assertResult(answer, result) {
    assertBytes(answer, JSON.stringify({ result, errorMessages: [], statusCode: 200, success: true }));
}

/* 204: nothing. */
export function assertDone(answer) {
    assert.equal(answer.status, 204, `expected 204, the answer was ${answer.status} ${answer.text}`);
    assert.equal(answer.text, '');
    assert.equal(answer.header('Content-Type'), undefined);
    assertTedeeHeaders(answer);
}

export const NOT_A_USER = 'The user does not belong to the organization.';

/* 207 with what became of users: [11, 12] were done, [-99] is no user. */
export function assertOutcomes(answer, expected) {
    const organizationUsers = expected.map((n) => ({
        organizationUserId: Math.abs(n),
        success: n > 0,
        error: n > 0 ? null : { code: 1000, message: NOT_A_USER },
    }));
    assert.equal(answer.text, JSON.stringify({ organizationUsers }));
    assert.equal(answer.status, 207);
    assertTedeeHeaders(answer);
}

/* The texts every client sees; where it is null the text says what was wrong with the input. */
export const ERRORS = {
    'Bad request': [400, null],
    'Unauthorized': [401, 'Access token or key is missing or not valid.'],
    'Forbidden': [403, 'You are not allowed to do this.'],
    'No group': [404, 'Group not found.'],
    'No organization': [404, 'Organization not found.'],
    'No endpoint': [404, 'There is no such endpoint.'],
    'No method': [405, 'The endpoint does not know this method.'],
    'Name taken': [409, 'A group with this name exists already.'],
    'Too large': [413, null],
    'Media type': [415, null],
    'Rate': [429, 'Too many requests.'],
    'Head too large': [431, null],
    'Busy': [503, 'Try again shortly.'],
};

/* The envelope without a result: three members in this order. `about`: a word that the message must have. */
export function assertError(answer, name, about = '') {
    const [status, text] = ERRORS[name];
    assert.equal(answer.status, status, `expected ${name}, the answer was ${answer.status} ${answer.text}`);
    const message = text ?? answer.json.errorMessages[0];
    assert.match(message, /^\S.*\.$/s);
    assert.ok(message.includes(about), `${JSON.stringify(message)} does not tell of ${about}`);
    assert.equal(answer.text, JSON.stringify({ success: false, errorMessages: [message], statusCode: status }));
    assert.equal(answer.header('WWW-Authenticate'), status === 401 ? 'Bearer' : undefined);
    assertTedeeHeaders(answer);
}

/* The numbers of a group's members. */
export async function members(client, n, organizationId = 1) {
    const answer = await client.get(`${groupPath(n, organizationId)}?includeMembers=true`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.result.members.map(({ organizationUserId }) => organizationUserId);
}

/* The names of a list of groups. */
export const names = (answer) => answer.json.result.map(({ name }) => name);
