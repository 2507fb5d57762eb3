// struct-pim.mjs — what Struct PIM's answers look like (docs/struct-pim.md), to compare whole answers with; and the small world
// with keys.
import assert from 'node:assert/strict';
import { smallWorld } from './objects.mjs';

export const GROUPS = '/v1/usergroups';

/* The UUID of the n-th group, segment or business unit of a test; and the path of the group. */
export const uid = (n) => `123e4567-e89b-42d3-a456-${String(n).padStart(12, '0')}`;
export const groupPath = (n) => `${GROUPS}/${uid(n)}`;
export const NIL = '00000000-0000-0000-0000-000000000000';

/* Gives groups of the directory file the UUIDs of uid. */
export const withUids = (objects) =>
    objects.map((object) => (object.type === 'group' ? { ...object, uuid: uid(object.id) } : object));

/* A credential that is sent as `Authorization: SECRET`; roster.as takes { key: SECRET }. */
export const rawKey = (organizationId, secret, more = {}) => ({
    type: 'credential',
    organizationId,
    kind: 'key',
    secret,
    rights: ['read', 'write'],
    ...more,
});

/* The world of objects.mjs, with keys: of the organizations themselves, of Ada, of Max, and one that may only read. */
export const KEY = {
    service: { key: 'key-of-acme' },
    ada: { key: 'key-of-ada' },
    max: { key: 'key-of-max' },
    reader: { key: 'key-of-a-reader' },
    umbrella: { key: 'key-of-umbrella' },
};
export const structWorld = () => [
    ...withUids(smallWorld()),
    rawKey(1, KEY.service.key, { name: 'sync job' }),
    rawKey(1, KEY.ada.key, { userId: 1 }),
    rawKey(1, KEY.max.key, { userId: 2 }),
    rawKey(1, KEY.reader.key, { rights: ['read'] }),
    rawKey(2, KEY.umbrella.key, { name: 'other job' }),
];

/* A date of the directory file as Struct has it. */
export const shownDate = (date) => new Date(date).toISOString();

/* A group of the directory file as it is shown. */
export function shownGroup({ uuid, name, dateCreated, dateModified, createdBy = null, modifiedBy = null, ...more }) {
    const grants = (list, name, subject) =>
        (list ?? []).map((grant) => ({ [name]: grant[subject], ReadOnly: grant.readOnly ?? false }));
    return {
        Created: shownDate(dateCreated),
        LastModified: shownDate(dateModified ?? dateCreated),
        CreatedBy: createdBy,
        LastModifiedBy: dateModified || modifiedBy ? modifiedBy : createdBy,
        Uid: uuid,
        Name: name,
        Languages: grants(more.languages, 'LanguageId', 'languageId'),
        Segments: grants(more.segments, 'SegmentUid', 'segmentUid'),
        BusinessUnits: grants(more.businessUnits, 'BusinessUnitUid', 'businessUnitUid'),
    };
}

/* 200 with exactly these bytes. */
export function assertBytes(answer, bytes) {
    assert.equal(answer.text, bytes);
    assert.equal(answer.status, 200);
    assert.equal(answer.header('Content-Type'), 'application/json; charset=utf-8');
    assert.equal(answer.header('Content-Length'), String(Buffer.byteLength(bytes)));
}

/* 200 with this value as compact JSON, members in this order. */
export const assertJson = (answer, value) => assertBytes(answer, JSON.stringify(value));

/* 200 and nothing. */
export function assertDone(answer) {
    assert.equal(answer.text, '');
    assert.equal(answer.status, 200);
    assert.equal(answer.header('Content-Type'), undefined);
    assert.equal(answer.header('Content-Length'), '0');
}

/* 401: empty too. */
export function assertUnauthorized(answer) {
    assert.equal(answer.status, 401, `expected 401, the answer was ${answer.status} ${answer.text}`);
    assert.equal(answer.text, '');
    assert.equal(answer.header('Content-Type'), undefined);
}

const RFC9110 = (section) => `https://tools.ietf.org/html/rfc9110#section-${section}`;
const RFC6585 = (section) => `https://tools.ietf.org/html/rfc6585#section-${section}`;

/* By status: Type, Title. */
export const PROBLEMS = {
    400: [RFC9110('15.5.1'), 'One or more validation errors occurred.'],
    403: [RFC9110('15.5.4'), 'Forbidden'],
    404: [RFC9110('15.5.5'), 'Not Found'],
    405: [RFC9110('15.5.6'), 'Method Not Allowed'],
    413: [RFC9110('15.5.14'), 'Content Too Large'],
    415: [RFC9110('15.5.16'), 'Unsupported Media Type'],
    429: [RFC6585('4'), 'Too Many Requests'],
    431: [RFC6585('5'), 'Request Header Fields Too Large'],
};

const isSentence = (text) => assert.match(text, /^[A-Z].*\.$/s);

function assertProblemIs(answer, status, detail, more = {}) {
    assert.equal(answer.status, status, `expected ${status}, the answer was ${answer.status} ${answer.text}`);
    const [Type, Title] = PROBLEMS[status];
    assert.equal(answer.text, JSON.stringify({ Type, Title, Status: status, Detail: detail, Instance: null, ...more }));
    assert.equal(answer.header('Content-Type'), 'application/json; charset=utf-8');
    assert.equal(answer.header('Content-Length'), String(Buffer.byteLength(answer.text)));
}

/* A problem whose Detail is a sentence with these words in it. */
export function assertProblem(answer, status, about = '') {
    const detail = answer.text ? answer.json.Detail : null;
    assertProblemIs(answer, status, detail);
    isSentence(detail);
    assert.ok(detail.includes(about), `${JSON.stringify(detail)} does not tell of ${about}`);
}

export const assertNotFound = (answer) => assertProblemIs(answer, 404, 'There is no such user group.');

/* A 400 that tells of one member ("" for the body as a whole), in a sentence with these words in it. */
export function assertErrors(answer, member, about = '') {
    const told = answer.text ? answer.json.errors?.[member]?.[0] : null;
    assertProblemIs(answer, 400, null, { errors: { [member]: [told] } });
    isSentence(told);
    assert.ok(told.includes(about), `${JSON.stringify(told)} does not tell of ${about}`);
}

/* One group; it must be there. */
export async function getGroup(client, id) {
    const answer = await client.get(`${GROUPS}/${id}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

/* The names of a list. */
export const names = (answer) => answer.json.map(({ Name }) => Name);
